/** Clock and log of the extension host. */
import * as vscode from 'vscode';
import { systemClock } from '../../base/clock.ts';
import { jsonLog, type Log } from '../../base/log.ts';

export const clock = systemClock;

let channel: vscode.LogOutputChannel | undefined;

/** Made when the first line is written: an output channel nobody needs is no view. */
export const log: Log = jsonLog((line) => {
  channel ??= vscode.window.createOutputChannel('Slipway', { log: true });
  channel.info(line);
}, 'warn', 'extension');
