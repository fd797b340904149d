/** What every command gets, and how it runs: one at a time for each object, failures told once with the next step. */
import * as vscode from 'vscode';
import { isStatusError } from '../../api/status.ts';
import type { Session } from '../connections/session.ts';
import type { Platform } from '../daemon/platform.ts';
import type { BuildPanel } from '../panels/build-panel.ts';
import type { LogsPanel } from '../panels/logs-panel.ts';

export interface CommandContext {
  readonly session: Session;
  readonly platform: Platform;
  readonly logs: LogsPanel;
  readonly build: BuildPanel;
}

/** Registered under `id`; `target` is the tree node, the API's argument, or undefined from the palette. */
export interface Command {
  id: string;
  run(context: CommandContext, target: unknown, selected: unknown): Promise<unknown>;
}

export function registerCommands(context: CommandContext, commands: readonly Command[]): vscode.Disposable {
  const running = new Set<string>();
  return vscode.Disposable.from(...commands.map(({ id, run }) => vscode.commands.registerCommand(id, async (target: unknown, selected: unknown) => {
    const key = `${id} ${idOf(target)}`;
    if (running.has(key)) return undefined;
    running.add(key);
    try {
      return await run(context, target, selected);
    } catch (error) {
      await tell(error);
      return undefined;
    } finally {
      running.delete(key);
    }
  })));
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

async function tell(error: unknown): Promise<void> {
  if (error instanceof Cancelled || (error as Error).name === 'AbortError') return;
  const message = error instanceof Error ? error.message : String(error);
  if (isStatusError(error, 'Unauthorized')) {
    const choose = vscode.l10n.t('Switch Cluster');
    if ((await vscode.window.showErrorMessage(vscode.l10n.t('The login to this cluster has expired. Log in again, then choose the cluster once more.'), choose)) === choose) await vscode.commands.executeCommand('slipway.cluster.switch');
    return;
  }
  await vscode.window.showErrorMessage(message);
}

/** A modal question before something is destroyed. Rejects with `Cancelled`. */
export async function confirm(message: string, action: string, detail?: string): Promise<void> {
  const answer = await vscode.window.showWarningMessage(message, { modal: true, ...(detail && { detail }) }, action);
  if (answer !== action) throw new Cancelled();
}
