// What went into each bundle, from the list that `build.mjs --meta` wrote: a program that drags in another's code has lost its border.
import { readFileSync } from 'node:fs';

const bundles = JSON.parse(readFileSync('.cache/bundle-inputs.json', 'utf8'));

/** Folders of `src` that a bundle may hold, and packages it must not. */
const shared = ['base', 'api', 'protocol'];
const client = [...shared, 'client', 'detect', 'oci'];
const rules = {
  'dist/extension': { folders: [...client, 'extension'] },
  // What an editor waits for.
  'dist/extension.js': { folders: [...client, 'extension'], packages: [] },
  'dist/slipway.js': { folders: [...client, 'cli'] },
  'dist/control-plane.js': { folders: [...client, 'controlplane', 'agent/holder', 'agent/network', 'agent/runtime', 'agent/shim'] },
  'dist/store-writer.js': { folders: ['controlplane/kernel/store'], packages: [] },
  'dist/agent.js': { folders: [...client, 'agent'] },
  'dist/shim.js': { folders: [...shared, 'agent/shim', 'agent/runtime'], packages: [] },
  'dist/engine-node.js': { folders: [...shared, 'agent/network', 'agent/runtime', 'agent/holder', 'oci'] },
  'dist/router.js': { folders: [...shared, 'controlplane/route'], packages: [] },
  'dist/haproxy-router.js': { folders: [...shared, 'controlplane/route'], packages: [] },
  'dist/tools.js': { folders: [...client, 'controlplane/build', 'controlplane/deployment', 'controlplane/kernel'] },
  'dist/webviews/logs.js': { folders: [...shared, 'webviews/shared', 'webviews/logs'] },
  'dist/webviews/build.js': { folders: [...shared, 'webviews/shared', 'webviews/build'] },
};

const problems = [];
for (const [bundle, { folders, packages }] of Object.entries(rules)) {
  const inputs = bundles[bundle]?.inputs;
  if (!inputs) problems.push(`${bundle} was not built`);
  for (const input of inputs ?? []) {
    const own = /^src\/(.*)$/.exec(input)?.[1];
    if (own !== undefined && !folders.some((folder) => own.startsWith(`${folder}/`))) problems.push(`${bundle} holds ${input}`);
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1];
    if (name !== undefined && packages && !packages.includes(name)) problems.push(`${bundle} holds the package ${name}`);
  }
}
for (const problem of [...new Set(problems)]) console.error(problem);
console.log(`${Object.keys(rules).length} bundles checked`);
process.exit(problems.length > 0 ? 1 : 0);
