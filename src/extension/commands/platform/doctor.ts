import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import type { Command } from '../command.ts';

/** Shows what this machine has in a terminal, where the line that brings what is missing can be run at once. */
export const doctorCommand: Command = {
  id: 'slipway.platform.doctor',
  async run() {
    const { findNodeRuntime } = await import('../../../client/daemon/node-runtime.ts');
    const node = await findNodeRuntime();
    if (!node) throw new Error(vscode.l10n.t('Slipway needs Node.js 22.15 or newer. Install a current Node.js and try again.'));
    const { stdout } = await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: vscode.l10n.t('Checking this machine') }, () =>
      promisify(execFile)(node.binary, ['--no-warnings', path.join(__dirname, 'slipway.js'), 'doctor'], { env: { ...process.env, ...(node.electron && { ELECTRON_RUN_AS_NODE: '1' }) } })
        // It ends with 1 when something is missing; what it found is printed all the same.
        .catch((error: { stdout?: string; message: string }) => ({ stdout: error.stdout || error.message })));
    const document = await vscode.workspace.openTextDocument({ content: stdout, language: 'plaintext' });
    await vscode.window.showTextDocument(document, { preview: true });
  },
};
