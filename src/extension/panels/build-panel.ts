/** The Build panel: one build watched from its first step to its URL. */
import * as vscode from 'vscode';
import { finishedPhases, type Build } from '../../api/kinds/build.ts';
import type { Connection } from '../../client/connection.ts';
import type { BuildFromPage, BuildToPage } from '../../protocol/build-panel.ts';
import { progressMark } from '../../protocol/build-progress.ts';
import type { Session } from '../connections/session.ts';
import { announceBuild, routeOf, type AnnouncementActions } from './build-announcement.ts';
import { buildTexts, buildWords } from './build-texts.ts';
import { viewBuild } from './build-view.ts';
import { LogFeed } from './log-feed.ts';
import { openPage, type Page } from './page.ts';

/** What the panel asks commands to do; it knows none of them. */
export interface BuildActions {
  cancel(build: Build): Promise<unknown>;
  rebuild(build: Build): Promise<unknown>;
  open(namespace: string, route: string): Promise<unknown>;
  showAppLog(namespace: string, app: string): Promise<unknown>;
  /** Files of the folder a build was made from, if it lies on this machine. */
  filesOf(build: Build): Promise<{ has(file: string): boolean; open(file: string): Promise<unknown> }>;
  failed(error: unknown): unknown;
}

type Files = Awaited<ReturnType<BuildActions['filesOf']>>;

export class BuildPanel implements vscode.WebviewViewProvider, vscode.Disposable {
  readonly #session: Session;
  readonly #extension: vscode.Uri;
  readonly #actions: BuildActions;
  readonly #feed: LogFeed;
  readonly #ended = new AbortController();
  #page: Page<BuildToPage> | undefined;
  #build: Build | undefined;
  #route: string | undefined;
  #files: Files | undefined;
  #stop: AbortController | undefined;

  constructor(session: Session, extension: vscode.Uri, actions: BuildActions) {
    this.#session = session;
    this.#extension = extension;
    this.#actions = actions;
    this.#feed = new LogFeed(vscode.workspace.getConfiguration('slipway').get<number>('logs.lines', 20_000), (message) => this.#page?.send(message));
  }

  /** Shows the build and follows it. `announce`: tell its end by a notification, since the user started it. */
  async show(build: Build, { announce = false } = {}): Promise<void> {
    const { connection } = this.#session;
    if (announce && connection) this.#announce(connection, build);
    this.#stop?.abort();
    const stop = new AbortController();
    this.#stop = stop;
    this.#build = build;
    this.#route = undefined;
    this.#files = undefined;
    this.#feed.restart();
    this.#state();
    await vscode.commands.executeCommand('slipway.build.focus');
    if (connection) void this.#follow(connection, build, stop.signal).catch((error: Error) => !stop.signal.aborted && this.#actions.failed(new Error(vscode.l10n.t('Build "{0}" can no longer be followed: {1}', build.metadata.name, error.message))));
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
    this.#stop?.abort();
    this.#feed.dispose();
  }

  async #receive(message: BuildFromPage): Promise<void> {
    if (this.#feed.receive(message)) return;
    if (message.type === 'ready') {
      this.#state();
      this.#feed.resume();
      return;
    }
    const build = this.#build;
    if (!build) return;
    try {
      if (message.type === 'cancel') await this.#actions.cancel(build);
      if (message.type === 'rebuild') await this.#actions.rebuild(build);
      if (message.type === 'open' && this.#route) await this.#actions.open(build.metadata.namespace ?? '', this.#route);
      if (message.type === 'openFile') await this.#files?.open(this.#view(build).failure?.file ?? '');
    } catch (error) {
      this.#actions.failed(error);
    }
    // Brings back the button that was pressed.
    this.#state();
  }

  async #follow(connection: Connection, build: Build, signal: AbortSignal): Promise<void> {
    const at = { namespace: build.metadata.namespace ?? this.#session.project, name: build.metadata.name };
    const { followBuild } = await import('../../client/apps/follow-app.ts');
    let log: Promise<void> | undefined;
    const ended = await followBuild(connection.client, at, (state) => {
      if (signal.aborted) return;
      this.#build = state;
      this.#state();
      // Before its pod runs a build has no log.
      if (state.status.phase !== 'New' && state.status.phase !== 'Pending') log ??= this.#readLog(connection, at, signal);
    }, signal);
    const app = ended.status.config && { namespace: at.namespace, name: ended.status.config.name ?? '' };
    const failed = ended.status.phase !== 'Complete';
    const [route, files] = await Promise.all([app && routeOf(connection.client, app), failed && app ? this.#actions.filesOf(ended) : undefined, log]);
    if (signal.aborted) return;
    this.#route = route;
    this.#files = files;
    this.#state();
  }

  async #readLog(connection: Connection, { namespace, name }: { namespace: string; name: string }, signal: AbortSignal): Promise<void> {
    try {
      for await (const { time, text } of connection.logs({ namespace, build: name }, { follow: true, signal })) {
        if (!signal.aborted && !text.startsWith(progressMark)) this.#feed.add('', [{ time, text }]);
      }
    } catch (error) {
      // A build that never got a pod has no log; its status says why.
      if (!signal.aborted && !finishedPhases.includes(this.#build?.status.phase ?? 'New')) this.#feed.add('', [{ time: '', text: (error as Error).message }]);
    }
  }

  #announce({ client }: Connection, build: Build): void {
    const actions: AnnouncementActions = {
      showBuild: (one) => this.show(one),
      showAppLog: this.#actions.showAppLog,
      open: this.#actions.open,
      openFile: async (one, file) => (await this.#actions.filesOf(one)).open(file),
    };
    announceBuild(client, build, buildWords().hint, actions, this.#ended.signal).catch((error: unknown) => !this.#ended.signal.aborted && this.#session.state === 'connected' && this.#actions.failed(error));
  }

  #view(build: Build) {
    return viewBuild(build, buildWords(), { canOpen: this.#route !== undefined, hasFile: (file) => this.#files?.has(file) ?? false, now: new Date() });
  }

  #state(): void {
    this.#page?.send({ type: 'build', build: this.#build && this.#view(this.#build), follow: this.#feed.follow, texts: buildTexts() });
  }
}
