import * as vscode from 'vscode';
import { allCommands } from './commands/all.ts';
import { cancelBuild, startBuild } from './commands/build/build.ts';
import { registerCommands } from './commands/command.ts';
import { previews } from './connections/preview-listener.ts';
import { Session } from './connections/session.ts';
import { Platform } from './daemon/platform.ts';
import { watchVersion } from './daemon/version-notice.ts';
import { DescribeProvider } from './documents/describe-provider.ts';
import { ObjectFileSystem } from './documents/object-file-system.ts';
import { describeScheme, yamlScheme } from './documents/object-uri.ts';
import { createViews } from './explorer/views.ts';
import { BuildPanel, configOf } from './panels/build-panel.ts';
import { LogsPanel } from './panels/logs-panel.ts';
import { createStatusBar } from './status-bar.ts';

export function activate(context: vscode.ExtensionContext): void {
  const { extension, extensionUri, workspaceState } = context;
  const platform = new Platform(vscode.Uri.joinPath(extensionUri, 'dist').fsPath, (extension.packageJSON as { version: string }).version);
  const session = new Session(platform, workspaceState);
  const logs = new LogsPanel(session, extensionUri, workspaceState);
  const build: BuildPanel = new BuildPanel(session, extensionUri, {
    cancel: (one) => cancelBuild(session.client, one),
    rebuild: async (one) => build.show(await startBuild({ session }, await configOf(session, one)), { announce: true }),
    open: async (namespace, name) => void (await vscode.commands.executeCommand('slipway.route.open', { namespace, name })),
  });
  context.subscriptions.push(
    platform, session, logs, build, previews,
    createViews(session),
    createStatusBar(session, platform),
    watchVersion(platform),
    registerCommands({ session, platform, logs, build }, allCommands),
    vscode.window.registerWebviewViewProvider('slipway.logs', logs),
    vscode.window.registerWebviewViewProvider('slipway.build', build),
    vscode.workspace.registerFileSystemProvider(yamlScheme, new ObjectFileSystem(session), { isCaseSensitive: true }),
    vscode.workspace.registerTextDocumentContentProvider(describeScheme, new DescribeProvider(session)),
  );
}
