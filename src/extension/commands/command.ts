/** What every command gets, and how it runs: one at a time for each object, failures told once with the next step. */
import * as vscode from 'vscode';
import { isStatusError } from '../../api/status.ts';
import type { Session } from '../connections/session.ts';
import type { Platform } from '../daemon/platform.ts';
import { failureText } from '../failure-text.ts';
import type { PortForwards } from '../forwards/port-forwards.ts';
import type { DescribeDocuments } from '../documents/describe-documents.ts';
import type { ImageDocuments } from '../documents/image-documents.ts';
import type { BuildPanel } from '../panels/build-panel.ts';
import type { EventsPanel } from '../panels/events-panel.ts';
import type { RolloutFromPage, RolloutToPage } from '../../protocol/rollout-panel.ts';
import type { TrafficFromPage, TrafficToPage } from '../../protocol/traffic-panel.ts';
import type { ObjectEditors } from '../panels/object-editors.ts';
import type { LogsPanel } from '../panels/logs-panel.ts';
import type { RebuildOnSave } from '../rebuild/rebuild-on-save.ts';
import type { SourceFolders } from '../sources/source-folders.ts';

export interface CommandContext {
  readonly session: Session;
  readonly platform: Platform;
  readonly logs: LogsPanel;
  readonly build: BuildPanel;
  readonly descriptions: DescribeDocuments;
  readonly sources: SourceFolders;
  readonly images: ImageDocuments;
  readonly rebuild: RebuildOnSave;
  readonly forwards: PortForwards;
  readonly events: EventsPanel;
  readonly rollouts: ObjectEditors<RolloutToPage, RolloutFromPage>;
  readonly traffic: ObjectEditors<TrafficToPage, TrafficFromPage>;
}

/** Registered under `id`; `target` is the tree node, the API's argument, or undefined from the palette. */
export interface Command {
  id: string;
  /** A key that may be pressed faster than it is answered: each time counts. */
  repeats?: true;
  run(context: CommandContext, target: unknown, selected: unknown): Promise<unknown>;
}

/** Registers `ids`; the commands themselves are loaded when the first of them is given. */
export function registerCommands(context: CommandContext, ids: readonly string[], load: () => Promise<readonly Command[]>): vscode.Disposable {
  return vscode.Disposable.from(...ids.map((id) => {
    const running = new Set<string>();
    // The manifest's enablement goes by this key, so that a command in flight cannot be given again.
    const busy = (on: boolean) => void vscode.commands.executeCommand('setContext', `slipway.busy.${id.slice('slipway.'.length)}`, on);
    return vscode.commands.registerCommand(id, async (target: unknown, selected: unknown) => {
      const command = (await load()).find((one) => one.id === id);
      const key = idOf(target);
      if (!command || (running.has(key) && !command.repeats)) return undefined;
      running.add(key);
      busy(true);
      try {
        return await command.run(context, target, selected);
      } catch (error) {
        void tellFailure(error);
        return undefined;
      } finally {
        running.delete(key);
        busy(running.size > 0);
      }
    });
  }));
}

function idOf(target: unknown): string {
  return typeof target === 'object' && target !== null && 'id' in target ? String(target.id) : '';
}

/** A cancelled command is no failure. */
export class Cancelled extends Error {
  constructor() {
    super('cancelled');
    this.name = 'Cancelled';
  }
}

/** A failure with what to do about it as buttons. */
export class Advice extends Error {
  readonly actions: readonly { title: string; run(): unknown }[];
  constructor(message: string, actions: Advice['actions'] = []) {
    super(message);
    this.name = 'Advice';
    this.actions = actions;
  }
}

/** Shows a failure once; nothing for what the user cancelled. */
export async function tellFailure(error: unknown): Promise<void> {
  if (error instanceof Cancelled || (error as Error).name === 'AbortError') return;
  if (isStatusError(error, 'Unauthorized')) {
    const again = vscode.l10n.t('Log In Again');
    if ((await vscode.window.showErrorMessage(vscode.l10n.t('The login to this cluster has expired.'), again)) === again) await vscode.commands.executeCommand('slipway.cluster.login');
    return;
  }
  const actions = error instanceof Advice ? error.actions : [];
  const answer = await vscode.window.showErrorMessage(failureText(error, vscode.l10n.t), ...actions.map(({ title }) => title));
  await actions.find(({ title }) => title === answer)?.run();
}

/** A modal question before something is destroyed. Rejects with `Cancelled`. */
export async function confirm(message: string, action: string, detail?: string): Promise<void> {
  const answer = await vscode.window.showWarningMessage(message, { modal: true, ...(detail && { detail }) }, action);
  if (answer !== action) throw new Cancelled();
}

/** Work that takes longer than this shows a notification with *Cancel*; until then the status bar is enough. */
const patienceMs = 1_000;

/** Runs `work` with progress. Rejects with `Cancelled` as soon as the user gives up, whether or not `work` heeds the signal. */
export async function patiently<T>(title: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const running = work(stop.signal);
  const ended = running.then(() => undefined, () => undefined);
  void vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title }, () => ended);
  let gaveUp: () => void = () => undefined;
  const cancelled = new Promise<never>((_, reject) => (gaveUp = () => reject(new Cancelled())));
  cancelled.catch(() => undefined);
  const timer = setTimeout(() => {
    void vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title, cancellable: true }, (_progress, token) => {
      token.onCancellationRequested(() => {
        stop.abort(new Cancelled());
        gaveUp();
      });
      return ended;
    });
  }, patienceMs);
  try {
    return await Promise.race([running, cancelled]);
  } finally {
    clearTimeout(timer);
  }
}
