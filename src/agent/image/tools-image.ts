/** The built-in image `slipway/tools`: this machine's system folders, our bundles and the Node binary that runs them. Never pulled. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { imageMarks } from '../../api/kinds/image.ts';
import { toolsImage } from '../../api/well-known.ts';
import type { ImageRecord } from './image-record.ts';

const home = '/opt/slipway';
const compiled = 'compiled';
/** Copies kept beside the present one: pods of an earlier version may still run. */
const olderKept = 2;

export interface ToolsImageOptions {
  /** Folder of the product's bundles. */
  bundles: string;
  nodeBinary: string;
  /** The image store's layer folder. */
  layers: string;
}

/** What a command of a rollout's own (`customParams.command`) calls to have the work done (`openshift-deploy --until=50%`), and which part of our program that is. */
export const toolsScripts = { 'openshift-deploy': 'deploy' } as const;
const scripts = Object.fromEntries(Object.entries(toolsScripts).map(([name, words]) => [name, `#!/bin/sh\nexec ${home}/bin/node ${home}/tools.js ${words} "$@"\n`]));

/** Bundles are copied: the folder they came from may go away under running pods. */
export function prepareToolsImage(options: ToolsImageOptions): ImageRecord {
  const files = readdirSync(options.bundles).filter((name) => /^(?:tools|engine-node|.*\.(?:json|wasm))/.test(name) && /\.(?:js|cjs|json|wasm)$/.test(name)).filter((name) => statSync(join(options.bundles, name)).isFile()).sort();
  const print = createHash('sha256');
  for (const name of files) {
    const { size, mtimeMs } = statSync(join(options.bundles, name));
    print.update(`${name} ${size} ${mtimeMs}\n`);
  }
  for (const [name, text] of Object.entries(scripts)) print.update(`${name} ${text}`);
  const layer = `tools-${print.digest('hex').slice(0, 12)}`;
  const folder = join(options.layers, layer);
  if (!existsSync(folder)) {
    const fresh = `${folder}.new`;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(join(fresh, home, 'bin'), { recursive: true, mode: 0o755 });
    for (const name of files) copyFileSync(join(options.bundles, name), join(fresh, home, name));
    // The binary itself is bound over this.
    writeFileSync(join(fresh, home, 'bin', 'node'), '', { mode: 0o755 });
    for (const [name, text] of Object.entries(scripts)) writeFileSync(join(fresh, home, 'bin', name), text, { mode: 0o755 });
    compileAhead(options.nodeBinary, join(fresh, home));
    renameSync(fresh, folder);
  }
  dropOld(options.layers, layer);
  return {
    id: toolsImage, reference: toolsImage, size: 0, layers: [layer], hostPaths: [], allToolchains: true,
    extraBinds: [{ source: options.nodeBinary, path: `${home}/bin/node`, directory: false }],
    config: { user: '0', env: [`PATH=${home}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`, `NODE_COMPILE_CACHE=${home}/${compiled}`, 'NODE_COMPILE_CACHE_PORTABLE=1'], entrypoint: [`${home}/bin/node`, `${home}/tools.js`], cmd: [], workingDir: '/tmp', exposedPorts: [], labels: { [imageMarks.base]: 'host' } },
  };
}

/** What V8 makes of the program is kept beside it: every build and deployer pod starts some 30 ms of processor time earlier. Without it they start all the same. */
function compileAhead(nodeBinary: string, folder: string): void {
  const { ELECTRON_RUN_AS_NODE } = process.env;
  const env = { NODE_COMPILE_CACHE: join(folder, compiled), NODE_COMPILE_CACHE_PORTABLE: '1', ...(ELECTRON_RUN_AS_NODE && { ELECTRON_RUN_AS_NODE }) };
  spawnSync(nodeBinary, [join(folder, 'tools.js')], { env, stdio: 'ignore', timeout: 10_000 });
}

function dropOld(layers: string, present: string): void {
  const age = (name: string) => statSync(join(layers, name)).ctimeMs;
  const older = readdirSync(layers).filter((name) => name.startsWith('tools-') && name !== present).sort((one, other) => age(other) - age(one));
  for (const name of older.slice(olderKept)) rmSync(join(layers, name), { recursive: true, force: true });
}
