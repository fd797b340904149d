/** The Build panel: builds watched from their first step to their URL, one of them shown. */
import * as vscode from 'vscode';
import type { Build } from '../../api/kinds/build.ts';
import type { Connection } from '../../client/connection.ts';
import type { BuildFromPage, BuildTab, BuildToPage } from '../../protocol/build-panel.ts';
import type { Session } from '../connections/session.ts';
import type { SourcePaths } from '../sources/source-paths.ts';
import { announceBuild, type AnnouncementActions } from './build-announcement.ts';
import { buildTexts, buildWords } from './build-texts.ts';
import { viewBuild } from './build-view.ts';
import { FollowedBuild, idOf, type FollowerParts } from './followed-build.ts';
import { openPage, type Page } from './page.ts';

/** What the panel asks commands to do; it knows none of them. */
export interface BuildActions {
  cancel(build: Build): Promise<unknown>;
  rebuild(build: Build): Promise<unknown>;
  open(namespace: string, route: string): Promise<unknown>;
  showAppLog(namespace: string, app: string): Promise<unknown>;
  /** Files that a build was made from, if they lie on this machine. */
  pathsOf(build: Build): Promise<SourcePaths | undefined>;
  openFile(file: string, at?: { line: number; column?: number | undefined }): Promise<unknown>;
  /** A build that was followed has ended; `log` is what was kept of it. */
  ended(build: Build, log: readonly string[]): unknown;
  failed(error: unknown): unknown;
}

export interface ShowOptions {
  /** Tell its end by a notification, since the user started it. */
  announce?: boolean;
  /** Followed, but the panel is not brought to the front. */
  quiet?: boolean;
}

/** Builds followed at a time; beyond it the oldest is left. */
const most = 8;

export class BuildPanel implements vscode.WebviewViewProvider, vscode.Disposable {
  readonly #session: Session;
  readonly #extension: vscode.Uri;
  readonly #actions: BuildActions;
  readonly #ended = new AbortController();
  #page: Page<BuildToPage> | undefined;
  #followed: FollowedBuild[] = [];
  #current: FollowedBuild | undefined;

  constructor(session: Session, extension: vscode.Uri, actions: BuildActions) {
    this.#session = session;
    this.#extension = extension;
    this.#actions = actions;
  }

  /** Follows these builds beside those that still run, and shows the first. */
  async show(builds: readonly Build[], { announce = false, quiet = false }: ShowOptions = {}): Promise<void> {
    const { connection } = this.#session;
    const before = new Map(this.#followed.map((one) => [one.id, one]));
    const asked = builds.slice(0, most).map((build) => before.get(idOf(build)) ?? this.#begin(connection, build));
    this.#keep([...this.#followed.filter((one) => !asked.includes(one) && !one.seen), ...asked]);
    if (announce && connection) for (const build of builds) this.#announce(connection, build);
    const [first] = asked;
    if (first && !(quiet && this.#current && !this.#current.ended)) this.#select(first);
    else this.#state();
    if (!quiet) await vscode.commands.executeCommand('slipway.build.focus');
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    const page = openPage<BuildToPage, BuildFromPage>(view, this.#extension, 'build', vscode.l10n.t('Build'), (message) => void this.#receive(message));
    this.#page = page;
    view.onDidDispose(() => {
      page.dispose();
      if (this.#page === page) this.#page = undefined;
    });
  }

  dispose(): void {
    this.#ended.abort();
    this.#keep([]);
  }

  async #receive(message: BuildFromPage): Promise<void> {
    const current = this.#current;
    if (current?.feed.receive(message)) return;
    if (message.type === 'ready') {
      this.#state();
      current?.feed.resume();
      return;
    }
    if (message.type === 'select') return this.#select(this.#followed.find(({ id }) => id === message.id));
    if (message.type === 'unfollow') return this.#leave(message.id);
    if (!current) return;
    const { build } = current;
    try {
      if (message.type === 'cancel') await this.#actions.cancel(build);
      if (message.type === 'rebuild') await this.#actions.rebuild(build);
      if (message.type === 'open' && current.route) await this.#actions.open(build.metadata.namespace ?? '', current.route);
      if (message.type === 'openFile') await this.#open(current, this.#view(current).failure?.file);
      if (message.type === 'link') await this.#open(current, message.path, message);
    } catch (error) {
      this.#actions.failed(error);
    }
    // Brings back the button that was pressed.
    this.#state();
  }

  /** Only files of the source are opened, whatever the page says. */
  async #open({ paths }: FollowedBuild, named: string | undefined, at?: { line: number; column?: number }): Promise<void> {
    const file = named && paths?.find(named);
    if (file) await this.#actions.openFile(file, at);
  }

  #begin(connection: Connection | undefined, build: Build): FollowedBuild {
    const mine = (run: () => void) => this.#current === one && run();
    const parts: FollowerParts = {
      lines: vscode.workspace.getConfiguration('slipway').get<number>('logs.lines', 20_000),
      pathsOf: (of) => this.#actions.pathsOf(of),
      changed: () => this.#state(),
      send: (message) => mine(() => this.#page?.send(message)),
      ended: (ended, log) => {
        // Whoever cancelled it knows how it ended.
        if (ended.status.phase === 'Cancelled') one.seen = true;
        mine(() => (one.seen = true));
        this.#actions.ended(ended, log);
      },
    };
    const one: FollowedBuild = new FollowedBuild(build, parts);
    if (connection) one.follow(connection, this.#session.project).catch((error: Error) => !one.disposed && this.#actions.failed(new Error(vscode.l10n.t('Build "{0}" can no longer be followed: {1}', build.metadata.name, error.message))));
    return one;
  }

  #select(one: FollowedBuild | undefined): void {
    if (this.#current && this.#current !== one && this.#current.ended) this.#current.seen = true;
    this.#current = one;
    if (one?.ended) one.seen = true;
    this.#state();
    if (one) one.feed.resume();
    else this.#page?.send({ type: 'lines', lines: [], reset: true, older: 0 });
  }

  #leave(id: string): void {
    const at = this.#followed.findIndex((one) => one.id === id);
    const left = this.#followed[at];
    if (!left) return;
    this.#keep(this.#followed.filter((one) => one !== left));
    if (this.#current === left) this.#select(this.#followed[Math.min(at, this.#followed.length - 1)]);
    else this.#state();
  }

  #keep(builds: FollowedBuild[]): void {
    const kept = builds.slice(-most);
    for (const one of this.#followed) if (!kept.includes(one)) one.dispose();
    this.#followed = kept;
  }

  #announce({ client }: Connection, build: Build): void {
    const actions: AnnouncementActions = {
      showBuild: (one) => this.show([one]),
      showAppLog: this.#actions.showAppLog,
      open: this.#actions.open,
      openFile: async (one, name) => {
        const file = (await this.#actions.pathsOf(one))?.find(name);
        if (file) await this.#actions.openFile(file);
      },
    };
    announceBuild(client, build, buildWords().hint, actions, this.#ended.signal).catch((error: unknown) => !this.#ended.signal.aborted && this.#session.state === 'connected' && this.#actions.failed(error));
  }

  #view({ build, route, paths, cached }: FollowedBuild) {
    return viewBuild(build, buildWords(), { cached, canOpen: route !== undefined, hasFile: (file) => paths?.find(file) !== undefined, now: new Date() });
  }

  #tabs(): BuildTab[] {
    if (this.#followed.length < 2) return [];
    const { phase } = buildWords();
    return this.#followed.map((one) => ({ id: one.id, name: one.build.metadata.name, phase: one.build.status.phase, phaseText: phase(one.build.status.phase), current: one === this.#current }));
  }

  #state(): void {
    const current = this.#current;
    this.#page?.send({ type: 'build', tabs: this.#tabs(), build: current && this.#view(current), follow: current?.feed.follow ?? true, texts: buildTexts() });
  }
}
