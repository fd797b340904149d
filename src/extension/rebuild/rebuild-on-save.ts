/**
 * Rebuild on Save: a save in the folder of an application that was chosen for it makes a new build (rolled out like any other), or puts the files into
 * its running containers. Nothing is watched for applications that were not chosen.
 */
import path from 'node:path';
import * as vscode from 'vscode';
import { buildConfigs, builds, finishedPhases, strategyFrom, type Build, type BuildConfig } from '../../api/kinds/build.ts';
import { pods } from '../../api/kinds/core.ts';
import { isStatusError } from '../../api/status.ts';
import type { Session } from '../connections/session.ts';
import type { SourceFolders } from '../sources/source-folders.ts';
import { changesBetween, needsBuild, nothingChanged, readsAtRequest, type Tree } from './change-plan.ts';
import type { SyncFailure } from './sync.ts';
import { isFresh, targetsOf } from './sync-plan.ts';

const memory = 'slipway.rebuildOnSave';
/** Saves within this time are one: a formatter, *Save All*. */
const settleMs = 300;
/** Files named in the status bar. */
const mostNamed = 3;

export interface RebuildActions {
  /** Sends the folder to a new build. */
  build(config: BuildConfig, folder: string): Promise<Build>;
  cancel(build: Build): Promise<unknown>;
  /** Follows it without getting in the way. */
  follow(build: Build): Promise<unknown>;
  /** A build that a save began has ended. */
  ended(build: Build): unknown;
  /** Files did not reach a container. */
  refused(config: BuildConfig, failure: SyncFailure): unknown;
  failed(error: unknown): unknown;
  limit(): number;
}

/** One application that a save means. */
interface Armed {
  namespace: string;
  name: string;
  timer?: NodeJS.Timeout | undefined;
  /** One run at a time: each compares with what the one before has left. */
  running: Promise<void>;
  /** What the newest build was sent. */
  built?: Tree | undefined;
  /** What was read last. */
  seen?: Tree | undefined;
  build?: Build | undefined;
  /** What each container holds, by `<pod uid>/<container>`. */
  held: Map<string, Tree>;
  watch?: { dispose(): void } | undefined;
}

export class RebuildOnSave implements vscode.Disposable {
  readonly #session: Session;
  readonly #sources: SourceFolders;
  readonly #memento: vscode.Memento;
  readonly #actions: RebuildActions;
  readonly #changed = new vscode.EventEmitter<void>();
  /** Another choice of applications. */
  readonly onDidChange = this.#changed.event;
  readonly #armed = new Map<string, Armed>();
  readonly #stop = new AbortController();
  #listening: vscode.Disposable[] = [];

  constructor(session: Session, sources: SourceFolders, memento: vscode.Memento, actions: RebuildActions) {
    this.#session = session;
    this.#sources = sources;
    this.#memento = memento;
    this.#actions = actions;
    this.#follow();
    session.onDidChange(() => this.#follow());
  }

  has({ metadata }: BuildConfig): boolean {
    return this.#armed.has(this.#sources.key({ namespace: metadata.namespace ?? '', name: metadata.name }));
  }

  /** Names of the applications on this cluster. */
  names(): string[] {
    return [...this.#armed.values()].map(({ name }) => name);
  }

  /** `folder`: where its saves happen. */
  async start(config: BuildConfig, folder: string): Promise<void> {
    const at = { namespace: config.metadata.namespace ?? '', name: config.metadata.name };
    await this.#sources.note(at, folder);
    await this.#remember([...new Set([...this.#remembered(), this.#sources.key(at)])]);
    this.#follow();
    const armed = this.#armed.get(this.#sources.key(at));
    if (!armed) return;
    armed.running = armed.running.then(async () => void (armed.seen = await this.#read(folder, undefined))).catch((error: unknown) => void this.#actions.failed(error));
    // What the containers hold is not known: they get all of it, and what is missing for it shows at once.
    if (modeIn(folder) === 'sync') this.#schedule(armed);
  }

  async end({ namespace, name }: { namespace: string; name: string }): Promise<void> {
    const key = this.#sources.key({ namespace, name });
    await this.#remember(this.#remembered().filter((one) => one !== key));
    this.#follow();
  }

  /** A build that was followed has ended. */
  ended(build: Build): void {
    if ([...this.#armed.values()].some((one) => one.build?.metadata.uid === build.metadata.uid)) this.#actions.ended(build);
  }

  dispose(): void {
    this.#stop.abort();
    for (const [key] of this.#armed) this.#disarm(key);
    for (const one of this.#listening.splice(0)) one.dispose();
    this.#changed.dispose();
  }

  #remembered(): string[] {
    return this.#memento.get<string[]>(memory) ?? [];
  }

  async #remember(keys: string[]): Promise<void> {
    await this.#memento.update(memory, keys);
  }

  /** Brings what is armed in line with what is remembered for this cluster. */
  #follow(): void {
    const prefix = `${this.#session.cluster}/`;
    // Names of other contexts may begin like this one's.
    const wanted = new Map(this.#remembered().filter((key) => key.startsWith(prefix)).map((key): [string, string[]] => [key, key.slice(prefix.length).split('/')]).filter(([, parts]) => parts.length === 2));
    let different = false;
    for (const key of [...this.#armed.keys()]) {
      if (wanted.has(key)) continue;
      this.#disarm(key);
      different = true;
    }
    for (const [key, [namespace = '', name = '']] of wanted) {
      if (this.#armed.has(key)) continue;
      this.#armed.set(key, { namespace, name, running: Promise.resolve(), held: new Map() });
      different = true;
    }
    if (this.#armed.size > 0 && this.#listening.length === 0) this.#listen();
    if (this.#armed.size === 0) for (const one of this.#listening.splice(0)) one.dispose();
    for (const armed of this.#armed.values()) this.#watchPods(armed);
    if (different) this.#changed.fire();
  }

  #disarm(key: string): void {
    const armed = this.#armed.get(key);
    clearTimeout(armed?.timer);
    armed?.watch?.dispose();
    this.#armed.delete(key);
  }

  #listen(): void {
    const touched = (uris: readonly vscode.Uri[]) => uris.forEach((uri) => this.#saved(uri));
    this.#listening = [
      vscode.workspace.onDidSaveTextDocument(({ uri }) => touched([uri])),
      vscode.workspace.onDidSaveNotebookDocument(({ uri }) => touched([uri])),
      vscode.workspace.onDidCreateFiles(({ files }) => touched(files)),
      vscode.workspace.onDidDeleteFiles(({ files }) => touched(files)),
      vscode.workspace.onDidRenameFiles(({ files }) => touched(files.flatMap(({ oldUri, newUri }) => [oldUri, newUri]))),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration(memory)) this.#follow();
      }),
    ];
  }

  #saved(uri: vscode.Uri): void {
    if (uri.scheme !== 'file' || this.#session.state !== 'connected' || !vscode.workspace.isTrusted) return;
    for (const armed of this.#armed.values()) {
      const folder = this.#sources.noted(armed);
      const inside = folder === undefined ? '..' : path.relative(folder, uri.fsPath);
      if (inside === '' || inside.startsWith('..') || path.isAbsolute(inside)) continue;
      this.#schedule(armed);
    }
  }

  #schedule(armed: Armed): void {
    clearTimeout(armed.timer);
    armed.timer = setTimeout(() => {
      armed.running = armed.running.then(() => this.#run(armed)).catch((error: unknown) => {
        if (!this.#stop.signal.aborted) this.#actions.failed(error);
      });
    }, settleMs);
  }

  async #run(armed: Armed): Promise<void> {
    const folder = this.#sources.noted(armed);
    if (folder === undefined || this.#stop.signal.aborted || this.#session.state !== 'connected') return;
    const config = await this.#session.client.get(buildConfigs, armed).catch((error: unknown) => {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    });
    if (!config) return this.end(armed);
    const before = armed.seen;
    const tree = await this.#read(folder, before);
    armed.seen = tree;
    if (modeIn(folder) === 'build') {
      if (!armed.built || !nothingChanged(changesBetween(armed.built, tree))) await this.#build(armed, config, folder, tree);
      return;
    }
    // Since the last build, or since it began: what is built from is not synced.
    if (needsBuild(changesBetween(armed.built ?? before ?? tree, tree), tree, builderOf(config))) return this.#build(armed, config, folder, tree);
    await this.#sync(armed, config, folder, tree);
  }

  /** The newest save wins: a build of the one before that still goes on is of no use. */
  async #build(armed: Armed, config: BuildConfig, folder: string, tree: Tree): Promise<void> {
    const last = armed.build && (await this.#session.client.get(builds, { namespace: armed.namespace, name: armed.build.metadata.name }).catch(() => undefined));
    if (last && !finishedPhases.includes(last.status.phase)) await this.#actions.cancel(last);
    armed.build = await this.#actions.build(config, folder);
    armed.built = tree;
    armed.held.clear();
    await this.#actions.follow(armed.build);
  }

  async #sync(armed: Armed, config: BuildConfig, folder: string, tree: Tree): Promise<void> {
    const { connection } = this.#session;
    if (!connection) return;
    const { items } = await connection.client.list(pods, { namespace: armed.namespace });
    const targets = targetsOf(config, items);
    const live = readsAtRequest(builderOf(config));
    const inside = config.spec.source?.contextDir;
    const { syncFiles } = await import('./sync.ts');
    const synced: string[] = [];
    if (targets.length === 0) vscode.window.setStatusBarMessage(`$(info) ${vscode.l10n.t('No container of "{0}" runs now; the files follow when one does.', armed.name)}`, 5_000);
    for (const target of targets) {
      const key = `${target.pod.metadata.uid}/${target.container}`;
      const whole = changesBetween(armed.held.get(key) ?? armed.built ?? new Map(), tree);
      const changes = inside ? { changed: below(whole.changed, inside), removed: below(whole.removed, inside) } : whole;
      if (!nothingChanged(changes)) {
        const moved: Tree = inside ? new Map([...tree].flatMap(([name, file]) => below([name], inside).map((shorter) => [shorter, file] as const))) : tree;
        try {
          await syncFiles(connection, target, inside ? path.join(folder, inside) : folder, changes, moved, live, this.#stop.signal);
        } catch (error) {
          if ((error as Error).name !== 'SyncFailure') throw error;
          // Told once; the next save tries again.
          armed.held.set(key, armed.built ?? new Map());
          this.#actions.refused(config, error as SyncFailure);
          return;
        }
        synced.push(...changes.changed, ...changes.removed);
      }
      armed.held.set(key, tree);
    }
    const files = [...new Set(synced)];
    const named = files.length > mostNamed ? [...files.slice(0, mostNamed), '…'] : files;
    if (files.length > 0) vscode.window.setStatusBarMessage(`$(check) ${vscode.l10n.t('Synced to "{0}": {1}', armed.name, named.join(', '))}`, 5_000);
  }

  /** A container that takes another's place holds what was built, not what was synced since. */
  #watchPods(armed: Armed): void {
    const folder = this.#sources.noted(armed);
    const wanted = folder !== undefined && modeIn(folder) === 'sync' && this.#session.state === 'connected';
    if (!wanted) {
      armed.watch?.dispose();
      armed.watch = undefined;
    }
    if (!wanted || armed.watch) return;
    const lease = this.#session.watch(pods, armed.namespace);
    const listening = lease.informer.onChange(({ type, object }) => {
      const uid = object.metadata.uid ?? '';
      if (type === 'deleted') for (const key of [...armed.held.keys()]) if (key.startsWith(`${uid}/`)) armed.held.delete(key);
      const news = type !== 'deleted' && armed.seen && armed.seen !== armed.built && ![...armed.held.keys()].some((key) => key.startsWith(`${uid}/`));
      if (news && object.spec.containers.some(({ image }) => image?.includes(`/${armed.namespace}/`)) && isFresh({ pod: object, container: '' })) this.#schedule(armed);
    });
    armed.watch = { dispose: () => (void listening.dispose(), lease.dispose()) };
  }

  #read(folder: string, before: Tree | undefined): Promise<Tree> {
    return import('./source-tree.ts').then(({ readTree }) => readTree(folder, before, this.#actions.limit()));
  }
}

function modeIn(folder: string): 'build' | 'sync' {
  return vscode.workspace.getConfiguration('slipway', vscode.Uri.file(folder)).get<'build' | 'sync'>('rebuildOnSave', 'build');
}

function builderOf({ spec }: BuildConfig): string {
  return strategyFrom(spec.strategy)?.name ?? '';
}

/** Those of the paths that lie in `folder`, as seen from there. */
function below(paths: readonly string[], folder: string): string[] {
  const prefix = `${folder.replace(/^\.?\/+|\/+$/g, '')}/`;
  return paths.filter((one) => one.startsWith(prefix)).map((one) => one.slice(prefix.length));
}
