import * as vscode from 'vscode';
import type { RolloutFromPage, RolloutToPage } from '../protocol/rollout-panel.ts';
import type { TrafficFromPage, TrafficToPage } from '../protocol/traffic-panel.ts';
import { rebuildActions } from './commands/app/rebuild-actions.ts';
import { buildActions } from './commands/build/panel-actions.ts';
import { registerCommands } from './commands/command.ts';
import { previews } from './connections/preview-listener.ts';
import { Session } from './connections/session.ts';
import { Platform } from './daemon/platform.ts';
import { watchVersion } from './daemon/version-notice.ts';
import { buildReportScheme } from './documents/build-report-uri.ts';
import { BuildReports } from './documents/build-reports.ts';
import { DescribeDocuments } from './documents/describe-documents.ts';
import { ImageDocuments } from './documents/image-documents.ts';
import { imageScheme } from './documents/image-uri.ts';
import { LiveDocuments } from './documents/live-documents.ts';
import { ObjectFileSystem } from './documents/object-file-system.ts';
import { describeScheme, liveScheme, yamlScheme } from './documents/object-uri.ts';
import { RevisionDocuments } from './documents/revision-documents.ts';
import { revisionScheme } from './documents/revision-uri.ts';
import { watchLacks } from './explorer/lacks.ts';
import { createViews } from './explorer/views.ts';
import { ImageReader } from './images/image-reader.ts';
import { describeOfEvent } from './commands/object/events.ts';
import { BuildPanel } from './panels/build-panel.ts';
import { createForwardStatus } from './forwards/forward-status.ts';
import { PortForwards } from './forwards/port-forwards.ts';
import { EventsPanel } from './panels/events-panel.ts';
import { LogsPanel } from './panels/logs-panel.ts';
import { ObjectEditors } from './panels/object-editors.ts';
import { BuildProblems } from './problems/build-problems.ts';
import { RebuildOnSave } from './rebuild/rebuild-on-save.ts';
import { SourceFolders } from './sources/source-folders.ts';
import { createStatusBar } from './status-bar.ts';
import { registerReconnectLinks } from './terminals/pod-shell.ts';

interface Manifest {
  version: string;
  contributes: { commands: { command: string }[] };
}

const loadCommands = async () => (await import('./commands/all.ts')).allCommands;

export function activate(context: vscode.ExtensionContext): void {
  const { extension, extensionUri, globalState, workspaceState } = context;
  const { version, contributes: { commands } } = extension.packageJSON as Manifest;
  const platform = new Platform(vscode.Uri.joinPath(extensionUri, 'dist').fsPath, version);
  const session = new Session(platform, workspaceState);
  const logs = new LogsPanel(session, extensionUri, workspaceState);
  const sources = new SourceFolders(session, workspaceState);
  const problems: BuildProblems = new BuildProblems(session, (one) => actions.pathsOf(one));
  const actions = buildActions({ session, logs, sources, problems, panel: () => build, ended: (one) => rebuild.ended(one) });
  const build: BuildPanel = new BuildPanel(session, extensionUri, actions);
  const reader = new ImageReader(session);
  const rollouts = new ObjectEditors<RolloutToPage, RolloutFromPage>(extensionUri, 'rollout');
  const traffic = new ObjectEditors<TrafficToPage, TrafficFromPage>(extensionUri, 'traffic');
  const images = new ImageDocuments(session, reader);
  const rebuild = new RebuildOnSave(session, sources, workspaceState, rebuildActions(session, sources, () => build));
  const descriptions = new DescribeDocuments(session);
  const live = new LiveDocuments(session);
  const forwards = new PortForwards(session);
  const events = new EventsPanel(session, extensionUri, (namespace, kind, name) => describeOfEvent(session, namespace, kind, name));
  context.subscriptions.push(
    platform, session, logs, build, problems, rebuild, previews, forwards, events, rollouts, traffic,
    createViews({ session, platform, images: reader, rebuild, forwards }),
    createForwardStatus(forwards),
    watchLacks(session),
    createStatusBar({ session, platform, rebuild, memento: globalState }),
    watchVersion(platform),
    registerCommands({ session, platform, logs, build, descriptions, sources, images, rebuild, forwards, events, rollouts, traffic }, commands.map(({ command }) => command), loadCommands),
    registerReconnectLinks(),
    vscode.window.registerWebviewViewProvider('slipway.logs', logs),
    vscode.window.registerWebviewViewProvider('slipway.build', build),
    vscode.window.registerWebviewViewProvider('slipway.events', events),
    vscode.workspace.registerFileSystemProvider(yamlScheme, new ObjectFileSystem(session, live), { isCaseSensitive: true }),
    vscode.workspace.registerFileSystemProvider(describeScheme, descriptions, { isCaseSensitive: true, isReadonly: true }),
    vscode.workspace.registerFileSystemProvider(buildReportScheme, new BuildReports(session), { isCaseSensitive: true, isReadonly: true }),
    vscode.workspace.registerFileSystemProvider(imageScheme, images, { isCaseSensitive: true, isReadonly: true }),
    vscode.workspace.registerFileSystemProvider(revisionScheme, new RevisionDocuments(session), { isCaseSensitive: true, isReadonly: true }),
    vscode.workspace.registerFileSystemProvider(liveScheme, live, { isCaseSensitive: true, isReadonly: true }),
  );
}
