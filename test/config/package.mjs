// Makes the .vsix and checks what is in it: one universal package under 3 MB, no native modules, nothing but what a user needs.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const file = `slipway-${version}.vsix`;
const limit = 3 * 1024 * 1024;
const problems = [];

if (!existsSync('dist/extension.js')) spawnSync(process.execPath, ['test/config/build.mjs'], { stdio: 'inherit' });
const packed = spawnSync(process.execPath, ['node_modules/@vscode/vsce/vsce', 'package', '--no-dependencies', '--allow-missing-repository', '--skip-license', '--no-rewrite-relative-links', '--out', file], { stdio: 'inherit' });
if (packed.status !== 0) process.exit(1);

const list = spawnSync(process.execPath, ['node_modules/@vscode/vsce/vsce', 'ls', '--no-dependencies'], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean);
const size = statSync(file).size;
if (size > limit) problems.push(`${file} is ${size} bytes, more than ${limit}`);
for (const name of list) {
  if (name.endsWith('.node')) problems.push(`native module: ${name}`);
  if (/^(src|test|node_modules|\.ci|\.cache)\//.test(name)) problems.push(`not for users: ${name}`);
}
for (const name of ['dist/extension.js', 'dist/slipway.js', 'dist/control-plane.js', 'dist/agent.js', 'dist/shim.js', 'dist/router.js', 'dist/haproxy-router.js', 'dist/tools.js', 'package.nls.zh-cn.json', 'LICENSE', 'NOTICE']) {
  if (!list.includes(name)) problems.push(`missing: ${name}`);
}
if (!list.some((name) => name.startsWith('dist/extension/'))) problems.push('missing: the parts of the extension');
for (const problem of problems) console.error(problem);
console.log(`${file} ${(size / 1024 / 1024).toFixed(2)} MB, ${list.length} files`);
process.exit(problems.length > 0 ? 1 : 0);
