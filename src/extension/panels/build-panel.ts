/** The Build panel: one build watched from its first step to its URL. */
import * as vscode from 'vscode';
import { buildConfigs, finishedPhases, type Build } from '../../api/kinds/build.ts';
import { routes } from '../../api/kinds/route.ts';
import { isStatusError } from '../../api/status.ts';
import type { BuildFromPage, BuildToPage } from '../../protocol/build-panel.ts';
import { pageLines } from '../../protocol/logs-panel.ts';
import type { Session } from '../connections/session.ts';
import { buildHint } from './build-hints.ts';
import { buildTexts, phaseTexts, stepTitles } from './build-texts.ts';
import { viewBuild } from './build-view.ts';
import { LineBuffer } from './line-buffer.ts';
import { followBuildLog } from './log-stream.ts';
import { openPage, type Page } from './page.ts';

const batchMs = 50;

/** What the panel asks commands to do; it knows none of them. */
export interface BuildActions {
  cancel(build: Build): Promise<void>;
  rebuild(build: Build): Promise<void>;
  open(namespace: string, route: string): Promise<void>;
}

export class BuildPanel implements vscode.WebviewViewProvider, vscode.Disposable {
  readonly #session: Session;
  readonly #extension: vscode.Uri;
  readonly #actions: BuildActions;
  readonly #lines = new LineBuffer(pageLines);
  #page: Page<BuildToPage> | undefined;
  #build: Build | undefined;
  #route: string | undefined;
  #stop: AbortController | undefined;
  #pending: { number: number; text: string }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(session: Session, extension: vscode.Uri, actions: BuildActions) {
    this.#session = session;
    this.#extension = extension;
    this.#actions = actions;
  }

  /** Shows the build and follows it. `announce`: tell its end by a notification, since the user started it. */
  async show(build: Build, { announce = false } = {}): Promise<void> {
    this.#stop?.abort();
    const stop = new AbortController();
    this.#stop = stop;
    this.#build = build;
    this.#route = undefined;
    this.#lines.clear();
    await vscode.commands.executeCommand('slipway.build.focus');
    this.#state();
    this.#log(true);
    void this.#follow(build, stop.signal, announce).catch((error: Error) => {
      if (!stop.signal.aborted) void vscode.window.showErrorMessage(vscode.l10n.t('Build "{0}" can no longer be followed: {1}', build.metadata.name, error.message));
    });
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
    this.#stop?.abort();
    clearTimeout(this.#timer);
  }

  async #receive(message: BuildFromPage): Promise<void> {
    const build = this.#build;
    if (message.type === 'ready') {
      this.#state();
      this.#log(true);
      return;
    }
    if (!build) return;
    try {
      if (message.type === 'cancel') await this.#actions.cancel(build);
      if (message.type === 'rebuild') await this.#actions.rebuild(build);
      if (message.type === 'open' && this.#route) await this.#actions.open(build.metadata.namespace ?? '', this.#route);
    } catch (error) {
      if ((error as Error).name !== 'Cancelled') void vscode.window.showErrorMessage((error as Error).message);
    }
    this.#state();
  }

  async #follow(build: Build, signal: AbortSignal, announce: boolean): Promise<void> {
    const { connection } = this.#session;
    if (!connection) return;
    const at = { namespace: build.metadata.namespace ?? this.#session.project, name: build.metadata.name };
    const { followBuild } = await import('../../client/apps/follow-app.ts');
    void followBuildLog(connection, at, (lines) => this.#add(lines), signal).catch((error: Error) => {
      if (!signal.aborted && !finishedPhases.includes(this.#build?.status.phase ?? 'New')) this.#add([error.message]);
    });
    const ended = await followBuild(connection.client, at, (state) => {
      if (signal.aborted) return;
      this.#build = state;
      this.#state();
    }, signal);
    if (ended.status.phase === 'Complete') await vscode.commands.executeCommand('setContext', 'slipway.built', true);
    this.#route = await this.#routeOf(ended);
    if (signal.aborted) return;
    this.#state();
    if (announce) await this.#announce(ended, signal);
  }

  /** The route that carries the application's name, if there is one. */
  async #routeOf(build: Build): Promise<string | undefined> {
    const name = build.status.config?.name;
    if (!name) return undefined;
    try {
      return (await this.#session.client.get(routes, { namespace: build.metadata.namespace, name })).metadata.name;
    } catch (error) {
      if (isStatusError(error, 'NotFound', 'Forbidden')) return undefined;
      throw error;
    }
  }

  async #announce(build: Build, signal: AbortSignal): Promise<void> {
    const name = build.metadata.name;
    if (build.status.phase !== 'Complete') {
      if (build.status.phase === 'Cancelled') return;
      const show = vscode.l10n.t('Show Log');
      const answer = await vscode.window.showErrorMessage(vscode.l10n.t('Build "{0}" failed: {1}', name, build.status.message ?? build.status.reason ?? ''), show);
      if (answer === show) await vscode.commands.executeCommand('slipway.build.focus');
      return;
    }
    const app = build.status.config?.name ?? name;
    if (this.#route) {
      const { followRollout, followRoute } = await import('../../client/apps/follow-app.ts');
      const { untilAnswers } = await import('../../client/apps/answers.ts');
      const at = { namespace: build.metadata.namespace ?? '', name: app };
      await followRollout(this.#session.client, at, signal);
      await untilAnswers(await followRoute(this.#session.client, { ...at, name: this.#route }, signal), undefined, signal);
    }
    const open = vscode.l10n.t('Open in Browser');
    const answer = await vscode.window.showInformationMessage(vscode.l10n.t('"{0}" is built and runs.', app), ...(this.#route ? [open] : []));
    if (answer === open && this.#route) await this.#actions.open(build.metadata.namespace ?? '', this.#route);
  }

  #add(lines: readonly string[]): void {
    this.#pending.push(...this.#lines.push(lines.map((text) => ({ source: '', time: '', text }))));
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#page?.send({ type: 'log', lines: this.#pending.splice(0) });
    }, batchMs);
  }

  #state(): void {
    const words = { steps: stepTitles(), phases: phaseTexts(), hint: buildHint };
    this.#page?.send({ type: 'build', build: this.#build && viewBuild(this.#build, words, this.#route !== undefined), texts: buildTexts() });
  }

  #log(reset: boolean): void {
    this.#pending = [];
    this.#page?.send({ type: 'log', lines: this.#lines.all().map(({ number, text }) => ({ number, text })), reset });
  }
}

/** The build config a build came from. */
export async function configOf(session: Session, build: Build) {
  return session.client.get(buildConfigs, { namespace: build.metadata.namespace, name: build.status.config?.name ?? '' });
}

