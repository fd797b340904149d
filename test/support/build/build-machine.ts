/** Runs the build program for real: bundled, as an unprivileged user in a user namespace, against a real registry. */
import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { build as bundle } from 'esbuild';
import { pack } from 'tar-stream';
import { findIdRanges, giveIds } from '../../../src/agent/holder/id-ranges.ts';
import type { Build, CommonBuildSpec } from '../../../src/api/kinds/build.ts';
import type { IdExtent } from '../../../src/base/id-map.ts';
import { thisMachine } from '../../../src/detect/command.ts';
import { detectToolchains } from '../../../src/detect/toolchain.ts';
import { registryClient, type FetchedImage, type RegistryClient } from '../../../src/oci/registry-client.ts';
import { readTar } from '../../../src/oci/tar-reader.ts';
import { layerLimits } from '../../../src/oci/layer-error.ts';
import { treeEntries } from '../../../src/oci/tree-reader.ts';
import { parseProgress, type BuildTermination, type StepProgress } from '../../../src/protocol/build-progress.ts';
import { startRegistry, type TestRegistry } from '../registry.ts';

export const registryName = 'docker-registry.default.svc:5000';
const stranger = { uid: 65534, gid: 65534 };

export interface BuildOutcome {
  code: number;
  /** Without the marked lines. */
  log: string;
  steps: StepProgress[];
  termination: BuildTermination;
  milliseconds: number;
}

export interface BuildOrder {
  name?: string;
  builder: string;
  spec?: Partial<CommonBuildSpec>;
  input?: Readable;
  /** `plain`: no namespaces at all. `no-overlay`: mounting fails. `users`: the namespace knows more than one user, as root may make it. */
  mode?: 'namespaces' | 'plain' | 'no-overlay' | 'users' | 'users-no-overlay';
  env?: Record<string, string>;
  /** Called with the process once it says this. */
  on?: { line: RegExp; run(child: ChildProcess): void };
}

export interface BuildMachine {
  folder: string;
  registry: TestRegistry;
  client: RegistryClient;
  /** Publishes a host builder of this machine as `openshift/<name>`; answers with its reference. */
  publish(name: string): Promise<string>;
  build(order: BuildOrder): Promise<BuildOutcome>;
  image(repository: string, tag?: string): Promise<FetchedImage>;
  /** Names in the layer the build made, files with their content. */
  topLayer(repository: string, tag?: string): Promise<Map<string, string>>;
  close(): Promise<void>;
}

export async function buildMachine(): Promise<BuildMachine> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-build-'));
  await chmod(folder, 0o755);
  const program = join(folder, 'tools.js');
  await bundleTools(program);
  const registry = await startRegistry({ directory: join(folder, 'registry'), tls: true });
  const dialled = { baseUrl: `https://127.0.0.1:${registry.port}`, ca: registry.ca };
  const client = registryClient({ ...dialled, auth: { username: 'x', password: 'admin' } });
  const account = join(folder, 'account');
  await mkdir(account, { mode: 0o755 });
  await writeFile(join(account, 'ca.crt'), registry.ca);
  await writeFile(join(account, 'token'), 'admin');
  let count = 0;

  const machine: BuildMachine = {
    folder,
    registry,
    client,
    async publish(name) {
      // Their scripts are text to a bundler and nothing to plain Node.js, which runs measurements.
      const [{ hostBuilders }, { makeBuilderImage }] = await Promise.all([import('../../../src/controlplane/catalog/host-builders.ts'), import('../../../src/controlplane/catalog/builder-image.ts')]);
      // Toolchains in root's own folders are no use to the stranger.
      const toolchain = (await detectToolchains({ ...thisMachine, env: process.getuid?.() === 0 ? { PATH: '/usr/bin:/bin' } : process.env })).find((one) => one.builder === name)?.found;
      const builder = hostBuilders.find((one) => one.name === name);
      if (!toolchain || !builder) throw new Error(`this machine has no toolchain for ${name}`);
      const scratch = join(folder, `publish-${name}`);
      const { image, layer } = await makeBuilderImage(builder, toolchain, scratch);
      const blobs = [{ digest: layer.digest, size: layer.size, content: layer.path }, { digest: image.config.digest, size: image.config.size, content: image.config.bytes }];
      const digest = await client.pushImage(`openshift/${name}`, 'latest', { blobs, manifest: image.manifest });
      await rm(scratch, { recursive: true });
      return `${registryName}/openshift/${name}@${digest}`;
    },
    async build({ name = `app-${++count}`, builder, spec = {}, input, mode = 'namespaces', env = {}, on }) {
      const scratch = join(folder, `work-${++count}`);
      await makeScratch(scratch);
      const terminationLog = join(scratch, 'termination');
      const build: Build = {
        apiVersion: 'build.openshift.io/v1', kind: 'Build', metadata: { name, namespace: 'demo' }, status: { phase: 'Pending' },
        spec: { source: { type: 'Binary', binary: {} }, strategy: { type: 'Source', sourceStrategy: { from: { kind: 'DockerImage', name: builder } } }, output: { to: { kind: 'DockerImage', name: `${registryName}/demo/app:latest` } }, ...spec },
      };
      const variables = {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin', BUILD: JSON.stringify(build), SLIPWAY_BUILD_FOLDER: scratch, SLIPWAY_SERVICE_ACCOUNT: account, SLIPWAY_TERMINATION_LOG: terminationLog,
        SLIPWAY_REGISTRY_ADDRESS: `127.0.0.1:${registry.port}`, SLIPWAY_MOUNTS: join(folder, 'mounts'), ...(mode === 'plain' && { SLIPWAY_BUILD_PLAIN: 'true' }), ...env,
      };
      const started = performance.now();
      const child = startBuildProgram(program, scratch, variables, mode);
      let output = '';
      let told = false;
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text;
          if (!on || told || !on.line.test(output)) return;
          told = true;
          on.run(child);
        });
      }
      if (input) await pipeline(input, child.stdin).catch(() => undefined);
      else child.stdin.end();
      const code = await new Promise<number>((resolve) => child.once('close', (exit) => resolve(exit ?? -1)));
      const lines = output.split('\n');
      const steps = new Map<string, StepProgress>();
      for (const line of lines) {
        const step = parseProgress(line);
        if (step) steps.set(step.step, step);
      }
      const termination = JSON.parse(await readFile(terminationLog, 'utf8').catch(() => '{}')) as BuildTermination;
      return { code, log: lines.filter((line) => !parseProgress(line)).join('\n'), steps: [...steps.values()], termination, milliseconds: performance.now() - started };
    },
    image: (repository, tag = 'latest') => client.image(repository, tag),
    async topLayer(repository, tag = 'latest') {
      const { manifest } = await client.image(repository, tag);
      const files = new Map<string, string>();
      const top = manifest.layers.at(-1);
      if (!top) return files;
      await readTar(client.readBlob(repository, top), layerLimits, async (entry) => {
        const chunks: Buffer[] = [];
        for await (const chunk of entry.content) chunks.push(chunk);
        files.set(entry.name, entry.type === 'symlink' ? `-> ${entry.target}` : entry.type === 'directory' ? '/' : Buffer.concat(chunks).toString('utf8'));
      });
      return files;
    },
    async close() {
      client.close();
      await registry.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return machine;
}

export async function bundleTools(outfile: string): Promise<void> {
  await bundle({ entryPoints: ['src/controlplane/build/tools/main.ts'], outfile, bundle: true, platform: 'node', target: 'node22', format: 'cjs', logLevel: 'error', loader: { '.sh': 'text', '.txt': 'text' } });
}

/** A folder for the stranger to build in. */
export async function makeScratch(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chown(folder, stranger.uid, stranger.gid).catch(() => undefined);
}

/** `no-overlay`: a mount program that refuses overlays comes first on the path. */
export function startBuildProgram(program: string, scratch: string, env: NodeJS.ProcessEnv, mode: BuildOrder['mode']): ChildProcessByStdio<Writable, Readable, Readable> {
  const without = ['sh', '-c', 'mkdir -p "$0/bin"; printf "#!/bin/sh\\ncase \\"\\$*\\" in *overlay*) echo no overlay here >&2; exit 32;; esac\\nexec /usr/bin/mount \\"\\$@\\"\\n" > "$0/bin/mount"; chmod +x "$0/bin/mount"; PATH="$0/bin:$PATH" exec "$@"', scratch];
  const refused = mode === 'no-overlay' || mode === 'users-no-overlay' ? without : [];
  const enter = mode === 'plain' ? [] : mode?.startsWith('users') ? ['unshare', '--user', 'sh', '-c', 'until [ "$(id -u)" = 0 ]; do :; done; exec unshare --mount "$@"', 'sh', ...refused] : ['unshare', '--user', '--map-root-user', '--mount', ...refused];
  const [file = '', ...args] = [...enter, process.execPath, program, 'build'];
  const child = spawn(file, args, { env, cwd: scratch, stdio: ['pipe', 'pipe', 'pipe'], ...(process.getuid?.() === 0 && stranger) });
  if (mode?.startsWith('users')) giveUsers(child.pid ?? 0).catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    child.kill('SIGKILL');
  });
  return child;
}

/** Waits until the process is in its namespace. Root gives ids that no user of this machine has. */
async function giveUsers(pid: number): Promise<void> {
  const isNew = () => readlinkSync(`/proc/${pid}/ns/user`) !== readlinkSync('/proc/self/ns/user');
  for (const until = Date.now() + 10_000; !isNew(); await sleep(5)) if (Date.now() > until) throw new Error('no user namespace was made');
  const found = findIdRanges();
  if ('why' in found) throw new Error(`${found.why}: ${found.fix}`);
  const own = (map: IdExtent[], id: number) => map.map((one) => (one.inside === 0 ? { ...one, outside: id } : one));
  await giveIds(pid, process.getuid?.() === 0 ? { uids: own(found.uids, stranger.uid), gids: own(found.gids, stranger.gid) } : found);
}

/** A folder as `slipway new-app` sends it; `more` adds files. */
export async function tarOf(folder: string, more: Record<string, string> = {}): Promise<Readable> {
  const tar = pack();
  for (const entry of await treeEntries(folder)) {
    if (entry.type === 'file' && !(entry.name in more)) tar.entry({ name: entry.name, mode: entry.mode }, typeof entry.content === 'string' ? await readFile(entry.content) : Buffer.from(entry.content));
  }
  for (const [name, text] of Object.entries(more)) tar.entry({ name, mode: 0o755 }, text);
  tar.finalize();
  return Readable.from(tar);
}
