// The whole check of a checkout: build, types, lint, every suite, the package. Ends with one line `N passed, N failed, N skipped`.
// `node test/config/test.mjs unit flow` runs those suites alone.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

const suites = ['unit', 'flow', 'conformance', 'e2e'];
const asked = process.argv.slice(2);
const chosen = asked.length > 0 ? asked : suites;
const results = path.resolve('.cache/test-results');
const totals = { passed: 0, failed: 0, skipped: 0 };
const skipped = [];
/** What failed and why, told again at the end: the middle of a long log is the first thing a reader loses. */
const failures = [];

function step(name, args) {
  const started = Date.now();
  console.log(`\n── ${name}`);
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, PATH: `${path.resolve('node_modules/.bin')}${path.delimiter}${process.env.PATH}` } });
  const ok = status === 0;
  console.log(`── ${name}: ${ok ? 'ok' : 'FAILED'} (${Math.round((Date.now() - started) / 1000)} s)`);
  return ok;
}

/** A step of its own counts as one test. */
function check(name, args) {
  const ok = step(name, args);
  totals[ok ? 'passed' : 'failed'] += 1;
  if (!ok) failures.push({ name, why: [] });
}

/** The first lines of a failed test's messages, enough to know the place. */
function why(messages) {
  return messages.flatMap((message) => message.split('\n').slice(0, 25));
}

function suite(name) {
  const file = path.join(results, `${name}.json`);
  const ok = step(name, ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/config/vitest.config.mts', '--project', name, '--reporter=default', '--reporter=json', `--outputFile=${file}`]);
  if (!existsSync(file)) {
    totals.failed += 1;
    failures.push({ name: `${name}: no report`, why: [] });
    return;
  }
  const report = JSON.parse(readFileSync(file, 'utf8'));
  totals.passed += report.numPassedTests;
  totals.failed += report.numFailedTests;
  totals.skipped += report.numPendingTests + report.numTodoTests;
  // A file that could not even be loaded fails without a failed test.
  if (!ok && report.numFailedTests === 0) totals.failed += 1;
  for (const one of report.testResults) {
    const place = path.relative('.', one.name);
    if (one.status === 'failed' && one.assertionResults.every((test) => test.status !== 'failed')) failures.push({ name: place, why: why([one.message ?? '']) });
    for (const test of one.assertionResults) {
      if (['pending', 'skipped', 'todo'].includes(test.status)) skipped.push(`${place} > ${test.fullName}`);
      if (test.status === 'failed') failures.push({ name: `${place} > ${test.fullName}`, why: why(test.failureMessages ?? []) });
    }
  }
}

rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });
if (asked.length === 0) check('build', ['test/config/build.mjs', '--meta']);
if (asked.length === 0) check('bundle inputs', ['test/config/bundle-inputs.mjs']);
if (asked.length === 0) check('types', ['test/config/types.mjs']);
if (asked.length === 0) check('lint', ['node_modules/eslint/bin/eslint.js', '--config', 'test/config/eslint.config.mjs', '--max-warnings', '0', 'src', 'test']);
for (const name of chosen) suite(name);
if (asked.length === 0) check('package', ['test/config/package.mjs']);

const allowed = JSON.parse(readFileSync('test/skips.json', 'utf8'));
for (const name of skipped) {
  const reason = Object.entries(allowed).find(([pattern]) => name.includes(pattern))?.[1];
  console.log(`skipped: ${name}${reason ? ` (${reason})` : ''}`);
  if (!reason && process.env.CI) {
    console.log('  not listed in test/skips.json: counts as failed');
    totals.skipped -= 1;
    totals.failed += 1;
  }
}
for (const failure of failures) console.log(['', `failed: ${failure.name}`, ...failure.why.map((line) => `  ${line}`)].join('\n'));
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed > 0 ? 1 : 0);
