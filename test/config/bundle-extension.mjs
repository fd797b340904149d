// The extension in parts. What its start needs is one file, `dist/extension.js`; what only a command, a document or a connection needs lies in `dist/extension/`
// and is loaded with it: an editor that starts compiles a sixth of the whole.
import { build, transform } from 'esbuild';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

const parts = 'dist/extension';

/** Parts call each other by `require('./<name>')`, wherever they lie. One that could not be loaded is tried again. */
const loader = `const made = new Map();
function load(name) {
  const known = made.get(name);
  if (known) return known.exports;
  const part = { exports: {} };
  made.set(name, part);
  try {
    (here[name] || require('./extension/' + name))(part, part.exports, (id) => (id.startsWith('./') ? load(id.slice(2)) : require(id)), __dirname);
  } catch (error) {
    made.delete(name);
    throw error;
  }
  return part.exports;
}
module.exports = load('extension.js');
`;

/** Builds with esbuild's `options`; resolves to what went into the whole and into its start. */
export async function bundleExtension(options, root) {
  // esbuild shares code among parts in ES modules only; each part is made CommonJS after that.
  const { outputFiles, metafile } = await build({ ...options, format: 'esm', splitting: true, outdir: parts, chunkNames: '[name]-[hash]', write: false });
  const outputs = Object.entries(metafile.outputs).map(([file, output]) => ({ name: path.basename(file), output, text: outputFiles.find((one) => one.path === path.join(root, file)).text }));
  const atStart = namesAtStart(outputs);
  const wrapped = await Promise.all(outputs.map(async ({ name, text }) => {
    const { code } = await transform(text, { format: 'cjs', platform: 'node', target: options.target, minify: options.minify, supported: { 'dynamic-import': false }, logOverride: options.logOverride });
    // In brackets a function is compiled at once: it is called at once.
    return [name, `(function(module,exports,require,__dirname){${code}})`];
  }));
  const here = wrapped.filter(([name]) => atStart.has(name)).map(([name, code]) => `${JSON.stringify(name)}:${code}`);
  await mkdir(path.join(root, parts), { recursive: true });
  await writeFile(path.join(root, `${parts}.js`), `"use strict";const here={${here.join(',\n')}};\n${loader}`);
  for (const [name, code] of wrapped) if (!atStart.has(name)) await writeFile(path.join(root, parts, name), `module.exports=${code};\n`);
  const bundle = (some) => ({ bytes: some.reduce((sum, { output }) => sum + output.bytes, 0), inputs: [...new Set(some.flatMap(({ output }) => Object.keys(output.inputs)))].sort() });
  return { whole: bundle(outputs), start: bundle(outputs.filter(({ name }) => atStart.has(name))) };
}

/** What is imported by the extension itself and by that again, not only when it is asked for. */
function namesAtStart(outputs) {
  const names = new Set();
  const add = (name) => {
    const one = outputs.find((other) => other.name === name);
    if (!one || names.has(name)) return;
    names.add(name);
    for (const { path: file, kind } of one.output.imports) if (kind === 'import-statement') add(path.basename(file));
  };
  add('extension.js');
  return names;
}
