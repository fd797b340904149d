/** `RUN`: a layer of what a command changes, or the one an earlier build made of the same command on the same files. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { copySource, type CopySource } from './copy-step.ts';
import { copyDigest, planCopy } from './copy-plan.ts';
import { writeCopy } from './copy-write.ts';
import { dockerBuildFailed, noNamespaces, runFailed } from './failures.ts';
import { envOf, shellOf } from './image-config.ts';
import { flagOf, type Instruction } from './instruction.ts';
import { keyOf } from './key.ts';
import type { StoredLayer } from './layer-store.ts';
import { homeOf, resolveOwner, root, surveyLayer, type Ids } from './owners.ts';
import { CannotRun, runCommand, type CommandMount } from './run-command.ts';
import { parseMount, type RunMount } from './run-mount.ts';
import { showLayers, type ShownLayers } from './run-root.ts';
import { rootFolders, rulesOf, treeOf, type BuildParts, type StageState } from './stage-state.ts';
import { DockerfileError } from './syntax-error.ts';
import { expandWord } from './words.ts';

export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A command of the stage, as it is run and as history tells it. */
export interface StageCommand {
  argv: string[];
  shown: string;
  /** Content of a script that is a here-document, and where the command finds it. */
  script: { content: string; path: string } | undefined;
}

export function runArgv({ list, rest, heredocs }: Instruction, shell: readonly string[]): StageCommand {
  if (list) return { argv: list, shown: list.join(' '), script: undefined };
  const [first] = heredocs;
  if (heredocs.length === 0 || !first) return { argv: [...shell, rest], shown: [...shell, rest].join(' '), script: undefined };
  // Alone it is the script itself; else the shell reads it.
  if (heredocs.length === 1 && /^<<-?\s*(["']?)[^\s"'<]+\1$/.test(rest)) {
    if (!first.content.startsWith('#!')) return { argv: [...shell, first.content], shown: [...shell, first.content].join(' '), script: undefined };
    const path = `/tmp/heredoc-${first.name.replace(/[^\w.-]/g, '_')}`;
    return { argv: [path], shown: `${rest} (${path})`, script: { content: first.content, path } };
  }
  const text = `${rest}\n${heredocs.map(({ raw }) => raw).join('')}`;
  return { argv: [...shell, text], shown: [...shell, text].join(' '), script: undefined };
}

export async function runStep(instruction: Instruction, state: StageState, parts: BuildParts): Promise<{ layer: StoredLayer; cached: boolean; shown: string }> {
  const { store, settings } = parts;
  const rules = rulesOf(state, parts);
  const network = flagOf(instruction, 'network') ?? 'default';
  if (network === 'host') throw new DockerfileError('--network=host: a command of a build has the network of its build pod, never that of the machine; leave the flag out');
  if (network !== 'default' && network !== 'none') throw new DockerfileError(`--network=${network}: it is default or none`);
  if ((flagOf(instruction, 'security') ?? 'sandbox') !== 'sandbox') throw new DockerfileError('--security=insecure: commands of a build have no powers over this machine; leave the flag out');
  if (flagOf(instruction, 'device') !== undefined) throw new DockerfileError('--device: commands of a build reach no devices');
  const command = runArgv(instruction, shellOf(state.config));
  const ids = await userOf(state, parts);
  const workingDir = state.config.WorkingDir || '/';
  const mounts = instruction.flags.filter(({ name }) => name === 'mount').map(({ value }) => parseMount(expandWord(value, rules), workingDir));
  const env = new Map([...state.args, ...envOf(state.config)]);
  const key = keyOf('run', settings.build.metadata.namespace ?? '', state.key, command.argv, command.script?.content ?? '', [...env].sort(), ids, workingDir, network, await Promise.all(mounts.map((mount) => mountKey(mount, state, parts))));
  const known = await store.find(key);
  if (known) return { layer: known, cached: true, shown: command.shown };
  if (settings.plain) throw noNamespaces(`RUN ${command.shown.slice(0, 60)}`);
  const created = parts.now().toISOString();
  const upper = await store.fresh();
  await runInStage({ command, env, ids, workingDir, network, mounts, upper, keep: true }, state, parts);
  const survey = await surveyLayer(upper, state.layers, new Map(), ids, store.users);
  return { layer: await store.keep(key, upper, { owners: survey.owners, bytes: survey.bytes, created, ...(survey.entries === 0 && { empty: true }) }), cached: false, shown: command.shown };
}

export interface StageRun {
  command: StageCommand;
  env: ReadonlyMap<string, string>;
  ids: Ids;
  workingDir: string;
  network: 'default' | 'none';
  mounts: readonly RunMount[];
  upper: string;
  /** What it changes is wanted. */
  keep: boolean;
  /** Called for a command that fails; default: the failure of a `RUN`. */
  failed?: (result: { code: number; signal?: NodeJS.Signals; tail: string[] }) => Error;
}

export async function userOf(state: StageState, parts: BuildParts): Promise<Ids> {
  const user = state.config.User ?? '';
  return user === '' ? root : resolveOwner(user, treeOf(state, parts), 'USER');
}

/** Runs a command on the files of a stage. */
export async function runInStage(run: StageRun, state: StageState, parts: BuildParts): Promise<void> {
  const { command, ids, workingDir, upper } = run;
  const { settings, proxies, signal } = parts;
  const resolved = new ResolvedMounts(state, parts);
  try {
    const secretEnv: [string, string][] = [];
    for (const mount of run.mounts) await resolved.add(mount, secretEnv);
    await resolved.addVolumes();
    if (command.script) {
      const source = join(settings.folder, 'heredoc');
      await writeFile(source, command.script.content);
      resolved.list.push({ kind: 'file', source, target: command.script.path, mode: 0o755 });
    }
    const env = { PATH: defaultPath, HOME: await homeOf(ids.uid, treeOf(state, parts)), ...Object.fromEntries(proxies), ...Object.fromEntries(run.env), ...Object.fromEntries(secretEnv) };
    const result = await runCommand(
      {
        layers: rootFolders(state, parts), shared: parts.store.layers, stage: String(state.stage.index), upper, scratch: settings.folder, argv: command.argv, env, workingDir, ids,
        network: run.network, mounts: resolved.list, host: state.base?.host?.root, users: parts.users?.pid, line: (text) => parts.say(text), signal,
      },
      parts.roots,
      run.keep,
    );
    if (result.code !== 0) throw run.failed?.(result) ?? runFailed(`RUN ${command.shown.slice(0, 200)}`, result, parts.users !== undefined);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CannotRun) throw dockerBuildFailed(`RUN cannot be done here: ${error.message}. "slipway doctor" tells what this machine lacks.`, { cause: error });
    throw error;
  } finally {
    await resolved.close();
  }
}

async function mountKey(mount: RunMount, state: StageState, parts: BuildParts): Promise<unknown> {
  if (mount.type === 'tmpfs') return mount;
  // What a secret or a cache holds does not make another layer.
  if (mount.type === 'secret') return [mount.type, mount.id, mount.target, mount.variable];
  if (mount.type === 'cache') return [mount.type, mount.id, mount.target];
  const source = await copySource(state, parts, mount.from);
  return [mount, source.key ?? (await copyDigest(await planOf(source, mount.source)))];
}

/** Everything below a path of a source, as if it were copied to the root of an empty folder. */
function planOf(source: CopySource, path: string): Promise<Awaited<ReturnType<typeof planCopy>>> {
  return planCopy({ from: source.tree, fromName: source.name, sources: [path], destination: '/content', workingDir: '/', into: undefined, ids: () => root, mode: undefined, exclude: [], parents: false, inline: [], mtime: 0 });
}

class ResolvedMounts {
  readonly list: CommandMount[] = [];
  readonly #state: StageState;
  readonly #parts: BuildParts;
  readonly #close: (() => Promise<void>)[] = [];

  constructor(state: StageState, parts: BuildParts) {
    this.#state = state;
    this.#parts = parts;
  }

  async add(mount: RunMount, secretEnv: [string, string][]): Promise<void> {
    if (mount.type === 'tmpfs') this.list.push({ kind: 'tmpfs', target: mount.target, size: mount.size });
    else if (mount.type === 'secret') await this.#secret(mount, secretEnv);
    else if (mount.type === 'cache') await this.#cache(mount);
    else await this.#bind(mount);
  }

  async addVolumes(): Promise<void> {
    const { build, volumes } = this.#parts.settings;
    for (const { name, mounts } of build.spec.strategy.dockerStrategy?.volumes ?? [])
      for (const { destinationPath } of mounts) this.list.push({ kind: 'bind', source: join(volumes, name), target: destinationPath, directory: true, readOnly: true });
  }

  async close(): Promise<void> {
    for (const one of this.#close.reverse()) await one();
  }

  async #bind(mount: Extract<RunMount, { type: 'bind' }>): Promise<void> {
    const source = await copySource(this.#state, this.#parts, mount.from);
    const found = await source.tree.find(mount.source);
    if (!found) throw new DockerfileError(`--mount: "${mount.source}" is not in ${source.name}`);
    if (found.stat.isFile()) {
      if (mount.writable) throw new DockerfileError('--mount: a file cannot be mounted readwrite, a folder can');
      this.list.push({ kind: 'bind', source: found.path, target: mount.target, directory: false, readOnly: true });
      return;
    }
    const shown = await this.#show(source);
    const path = join(shown.folder, found.name);
    if (mount.writable) this.list.push({ kind: 'scratch', source: path, target: mount.target, scratch: this.#parts.settings.folder });
    else this.list.push({ kind: 'bind', source: path, target: mount.target, directory: true, readOnly: true });
  }

  async #show(source: CopySource): Promise<ShownLayers> {
    const shown = await showLayers(source.tree.layers.filter((layer) => layer !== this.#parts.empty), this.#parts.store.layers, join(this.#parts.settings.folder, 'shown', String(this.#close.length)));
    this.#close.push(() => shown.close());
    return shown;
  }

  async #cache(mount: Extract<RunMount, { type: 'cache' }>): Promise<void> {
    const { caches, signal } = this.#parts;
    const fill = async (folder: string) => {
      if (mount.from === undefined) return;
      const source = await copySource(this.#state, this.#parts, mount.from);
      const entries = await planCopy({ from: source.tree, fromName: source.name, sources: [mount.source], destination: '/', workingDir: '/', into: undefined, ids: () => root, mode: undefined, exclude: [], parents: false, inline: [], mtime: undefined });
      await writeCopy(entries, folder, [], this.#parts.store.users);
    };
    const { folder, release } = await caches.open(mount, fill, signal);
    this.#close.push(release);
    this.list.push({ kind: 'bind', source: folder, target: mount.target, directory: true, readOnly: !mount.writable });
  }

  async #secret(mount: Extract<RunMount, { type: 'secret' }>, secretEnv: [string, string][]): Promise<void> {
    const file = await this.#secretFile(mount.id);
    if (file === undefined) {
      if (!mount.required) return;
      throw dockerBuildFailed(`--mount=type=secret,id=${mount.id}: the build has no such secret. Name it in spec.source.secrets of the build config; the id is its name if it has one key, one of its keys, or name/key.`);
    }
    if (mount.variable !== undefined) {
      secretEnv.push([mount.variable, await readFile(file, 'utf8')]);
    }
    if (mount.target !== undefined) this.list.push({ kind: 'file', source: file, target: mount.target, mode: mount.mode, ids: mount });
  }

  /** A secret of `spec.source.secrets`, or one that is a volume of the strategy. */
  async #secretFile(id: string): Promise<string | undefined> {
    const { build, secrets, volumes } = this.#parts.settings;
    const folders = [
      ...(build.spec.source?.secrets ?? []).map(({ secret }) => ({ name: secret.name ?? '', folder: join(secrets, secret.name ?? '') })),
      ...(build.spec.strategy.dockerStrategy?.volumes ?? []).map(({ name }) => ({ name, folder: join(volumes, name) })),
    ];
    const found: string[] = [];
    for (const { name, folder } of folders) {
      const keys = (await readdir(folder).catch(() => [])).filter((key) => !key.startsWith('..'));
      const [wantedName, wantedKey] = id.split('/');
      if (wantedKey !== undefined && wantedName === name && keys.includes(wantedKey)) return join(folder, wantedKey);
      if (name === id && keys.length === 1 && keys[0] !== undefined) return join(folder, keys[0]);
      if (keys.includes(basename(id)) && !id.includes('/')) found.push(join(folder, id));
    }
    const file = found[0];
    return file !== undefined && (await stat(file)).isFile() ? file : undefined;
  }
}
