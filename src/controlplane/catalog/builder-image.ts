/** The image of a host builder: one layer with its scripts, a configuration, and marks that say what it stands on. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { imageMarks } from '../../api/kinds/image.ts';
import type { FoundToolchain } from '../../detect/search.ts';
import { buildImage, type BuiltImage } from '../../oci/image-builder.ts';
import { writeLayer, type LayerEntry, type WrittenLayer } from '../../oci/layer-writer.ts';
import { treeEntries } from '../../oci/tree-reader.ts';
import type { HostBuilder } from './host-builder.ts';

/** Raised when the form of the images changes in a way their content does not show. */
const form = 1;
/** Label with the fingerprint of all that went into the image. */
export const fingerprintLabel = 'slipway.dev/builder-fingerprint';

const appRoot = '/opt/app-root';
const scriptsFolder = '/opt/s2i';
const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const owner = { uid: 1001, gid: 0 };

export function fingerprintOf(builder: HostBuilder, toolchain: FoundToolchain): string {
  const { scripts, virtualEnvironment } = builder;
  const content = [form, scripts, virtualEnvironment, builder.programs(toolchain), builder.env(toolchain), toolchain];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 32);
}

export function builderLabels(builder: HostBuilder, toolchain: FoundToolchain): Record<string, string> {
  return {
    'io.openshift.s2i.scripts-url': `image://${scriptsFolder}`,
    'io.openshift.s2i.destination': '/tmp',
    'io.openshift.expose-services': '8080:http',
    'io.openshift.tags': `builder,${builder.name}`,
    'io.openshift.builder-version': toolchain.version,
    'io.k8s.display-name': `${builder.displayName} ${builder.tag(toolchain.version)}`,
    'io.k8s.description': builder.description,
    [imageMarks.base]: 'host',
    [imageMarks.toolchain]: `${toolchain.program} ${toolchain.version}`,
    [imageMarks.hostPaths]: JSON.stringify(toolchain.hostPaths),
    [fingerprintLabel]: fingerprintOf(builder, toolchain),
  };
}

/** `scratch`: a folder of its own, deleted by the caller when the image was pushed. */
export async function makeBuilderImage(builder: HostBuilder, toolchain: FoundToolchain, scratch: string): Promise<{ image: BuiltImage; layer: WrittenLayer }> {
  const environment = builder.virtualEnvironment ? await virtualEnvironment(toolchain.program, join(scratch, 'venv')) : [];
  const layer = await writeLayer([...ownEntries(builder, toolchain), ...environment], { directory: join(scratch, 'blobs'), compression: 'zstd' });
  const { PATH = '', ...env } = builder.env(toolchain);
  const variables = { PATH: `${PATH}:${systemPath}`, HOME: `${appRoot}/src`, APP_ROOT: appRoot, STI_SCRIPTS_URL: `image://${scriptsFolder}`, STI_SCRIPTS_PATH: scriptsFolder, ...env };
  const image = buildImage({
    layers: [{ ...layer, createdBy: `slipway: host builder ${builder.name}` }],
    change: {
      env: Object.entries(variables).map(([name, value]) => ({ name, value })),
      labels: builderLabels(builder, toolchain),
      cmd: [`${scriptsFolder}/usage`],
      user: String(owner.uid),
      workingDir: `${appRoot}/src`,
      exposedPorts: ['8080/tcp'],
    },
  });
  return { image, layer };
}

function ownEntries(builder: HostBuilder, toolchain: FoundToolchain): LayerEntry[] {
  const folder = (name: string, mode: number, ids: { uid: number; gid: number }): LayerEntry => ({ type: 'directory', name, mode, ...ids });
  const root = { uid: 0, gid: 0 };
  return [
    folder('opt', 0o755, root),
    ...['opt/app-root', 'opt/app-root/src', 'opt/app-root/etc'].map((name) => folder(name, 0o775, owner)),
    folder('opt/s2i', 0o755, root),
    folder('opt/s2i/bin', 0o755, root),
    ...Object.entries(builder.scripts).map(([name, text]): LayerEntry => {
      const content = Buffer.from(text);
      return { type: 'file', name: `opt/s2i/${name}`, mode: 0o755, ...root, size: content.length, content };
    }),
    ...Object.entries(builder.programs(toolchain)).map(([name, target]): LayerEntry => ({ type: 'symlink', name: `opt/s2i/bin/${name}`, mode: 0o777, ...root, target })),
  ];
}

/**
 * Made once a toolchain instead of in each build, where it would take seconds. Paths written into it are led to `/opt/app-root`; compiled files go by
 * content, since times do not survive in layers.
 */
async function virtualEnvironment(python: string, folder: string): Promise<LayerEntry[]> {
  const run = promisify(execFile);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const options = { timeout: 300_000, env: { PATH: process.env.PATH, HOME: folder, LC_ALL: 'C.UTF-8' } };
  await run(python, ['-I', '-m', 'venv', folder], options);
  for (const name of await readdir(join(folder, 'bin'))) await rewrite(join(folder, 'bin', name), folder);
  await rewrite(join(folder, 'pyvenv.cfg'), folder);
  await run(python, ['-I', '-m', 'compileall', '-q', '-f', '--invalidation-mode', 'unchecked-hash', '-s', folder, '-p', appRoot, join(folder, 'lib')], options);
  const entries = await treeEntries(folder, { prefix: appRoot.slice(1), owner: (_, stat) => ({ ...owner, mode: (stat.mode & 0o777) | ((stat.mode & 0o700) >> 3) }) });
  return entries;
}

async function rewrite(path: string, folder: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text?.includes(folder) && !text.includes('\0')) await writeFile(path, text.replaceAll(folder, appRoot));
}
