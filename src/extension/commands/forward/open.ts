import * as vscode from 'vscode';
import type { ActiveForward } from '../../forwards/active-forward.ts';
import type { Command } from '../command.ts';
import { chosenForward } from './chosen.ts';

/** Through the editor's own way to ports of this machine, wherever the browser is. */
export async function openForward({ localPort }: ActiveForward): Promise<string> {
  const uri = await vscode.env.asExternalUri(vscode.Uri.parse(`http://localhost:${localPort}/`));
  await vscode.env.openExternal(uri);
  return uri.toString(true);
}

export const openForwardCommand: Command = {
  id: 'slipway.forward.open',
  run: async ({ forwards }, target) => openForward(await chosenForward(forwards, target)),
};

export const copyForwardCommand: Command = {
  id: 'slipway.forward.copyAddress',
  run: async ({ forwards }, target) => vscode.env.clipboard.writeText(`localhost:${(await chosenForward(forwards, target)).localPort}`),
};
