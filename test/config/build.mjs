// Bundles every program of the product into dist/. `--watch` rebuilds; `--meta` writes the list of inputs that the structure test reads.
import { build, context } from 'esbuild';
import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleExtension } from './bundle-extension.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const watch = process.argv.includes('--watch');
const development = watch || process.argv.includes('--development');
const version = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')).version;

const shared = {
  absWorkingDir: root,
  bundle: true,
  minify: !development,
  // Function names appear in stack traces that users send.
  keepNames: true,
  sourcemap: development ? 'linked' : false,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  // Code that must find its neighbours asks for `__dirname` first, and for `import.meta` only in the source tree.
  logOverride: { 'empty-import-meta': 'silent' },
  define: { __VERSION__: JSON.stringify(version) },
  loader: { '.sh': 'text', '.txt': 'text' },
};
const node = { ...shared, platform: 'node', target: 'node22', format: 'cjs' };

const programs = {
  slipway: 'src/cli/main.ts',
  'control-plane': 'src/controlplane/main.ts',
  'store-writer': 'src/controlplane/kernel/store/sqlite/writer-thread.ts',
  agent: 'src/agent/main.ts',
  shim: 'src/agent/shim/main.ts',
  'engine-node': 'src/agent/runtime/engine/inside/main.ts',
  router: 'src/controlplane/route/router/main.ts',
  'haproxy-router': 'src/controlplane/route/haproxy/main.ts',
  tools: 'src/controlplane/build/tools/main.ts',
};
const extension = { ...node, entryPoints: ['src/extension/extension.ts'], external: ['vscode'] };
const pages = { logs: 'src/webviews/logs/main.ts', build: 'src/webviews/build/main.ts', events: 'src/webviews/events/main.ts', traffic: 'src/webviews/traffic/main.ts', rollout: 'src/webviews/rollout/main.ts' };

const jobs = [
  ...Object.entries(programs).map(([name, entry]) => ({
    ...node,
    entryPoints: [entry],
    outfile: `dist/${name}.js`,
    ...(name === 'slipway' && { banner: { js: '#!/usr/bin/env node' } }),
  })),
  ...(development ? [{ ...extension, outfile: 'dist/extension.js' }] : []),
  ...Object.entries(pages).map(([name, entry]) => ({
    ...shared,
    platform: 'browser',
    target: 'es2022',
    format: 'iife',
    entryPoints: [entry],
    outfile: `dist/webviews/${name}.js`,
    loader: { ...shared.loader, '.ttf': 'file' },
  })),
].filter((job) => existsSync(path.join(root, job.entryPoints[0])));

if (!watch) await rm(path.join(root, 'dist'), { recursive: true, force: true });
const inputs = {};
for (const job of jobs) {
  if (watch) {
    await (await context(job)).watch();
    continue;
  }
  const result = await build(job);
  for (const [out, meta] of Object.entries(result.metafile.outputs)) inputs[out] = { bytes: meta.bytes, inputs: Object.keys(meta.inputs).sort() };
}
if (!watch) {
  if (!development) {
    const { whole, start } = await bundleExtension(extension, root);
    Object.assign(inputs, { 'dist/extension': whole, 'dist/extension.js': start });
  }
  await chmod(path.join(root, 'dist/slipway.js'), 0o755).catch(() => undefined);
  await mkdir(path.join(root, 'dist/webviews'), { recursive: true });
  for (const file of ['codicon.css', 'codicon.ttf']) await copyFile(path.join(root, 'node_modules/@vscode/codicons/dist', file), path.join(root, 'dist/webviews', file));
  if (process.argv.includes('--meta')) {
    await mkdir(path.join(root, '.cache'), { recursive: true });
    await writeFile(path.join(root, '.cache/bundle-inputs.json'), JSON.stringify(inputs, null, 1));
  }
  for (const [out, { bytes }] of Object.entries(inputs)) console.log(`${out} ${Math.round(bytes / 1024)} kB`);
}
