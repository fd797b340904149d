import { execFile } from 'node:child_process';
import path from 'node:path';
import * as vscode from 'vscode';
import { patiently, type Command } from '../command.ts';

/** Shows what this machine has, and for what is missing the line that brings it. */
export const doctorCommand: Command = {
  id: 'slipway.platform.doctor',
  async run({ platform }) {
    const { findNodeRuntime } = await import('../../../client/daemon/node-runtime.ts');
    const home = await platform.home();
    const content = await patiently(vscode.l10n.t('Checking this machine'), async (signal) => {
      const node = await findNodeRuntime();
      if (!node) throw new Error(vscode.l10n.t('Slipway needs Node.js 22.15 or newer. Install a current Node.js and try again.'));
      const environment = { ...process.env, ...(node.electron && { ELECTRON_RUN_AS_NODE: '1' }) };
      return output(node.binary, ['--no-warnings', path.join(__dirname, 'slipway.js'), 'doctor', '--home', home], environment, signal);
    });
    const document = await vscode.workspace.openTextDocument({ content, language: 'plaintext' });
    await vscode.window.showTextDocument(document, { preview: true });
  },
};

/** It ends with 1 when something is missing; what it found is printed all the same. */
function output(program: string, args: string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { env, signal }, (error, stdout, stderr) => (error && !stdout ? reject(new Error(stderr || error.message)) : resolve(stdout)));
  });
}
