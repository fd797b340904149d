/** Debug sessions of pods, each with the port that leads to it. */
import * as vscode from 'vscode';
import type { PortForwards } from '../forwards/port-forwards.ts';
import type { DebugConfiguration } from './debug-configuration.ts';

/** Starts the session; its forward ends with it, or at once if it does not start. Resolves to whether it started. */
export async function startSession(forwards: PortForwards, id: string, folder: vscode.WorkspaceFolder | undefined, configuration: DebugConfiguration, ended: () => unknown): Promise<boolean> {
  const mine = ({ parentSession, name }: vscode.DebugSession) => !parentSession && name === configuration.name;
  let over = false;
  const listening = vscode.debug.onDidTerminateDebugSession((session) => {
    if (!mine(session) || over) return;
    finish();
    ended();
  });
  const finish = () => {
    over = true;
    listening.dispose();
    void forwards.stop(id);
  };
  try {
    const started = await vscode.debug.startDebugging(folder, configuration);
    if (!started) finish();
    return started;
  } catch (error) {
    finish();
    throw error;
  }
}

/** True if some extension of this editor debugs that type. */
export function hasDebugger(type: string): boolean {
  return vscode.extensions.all.some(({ packageJSON }) => (packageJSON as { contributes?: { debuggers?: { type?: string }[] } }).contributes?.debuggers?.some((one) => one.type === type));
}
