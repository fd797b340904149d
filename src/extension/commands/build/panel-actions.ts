import * as vscode from 'vscode';
import type { Build } from '../../../api/kinds/build.ts';
import { pods } from '../../../api/kinds/core.ts';
import { deploymentLabels } from '../../../api/kinds/deployment-config.ts';
import type { Session } from '../../connections/session.ts';
import type { BuildActions, BuildPanel } from '../../panels/build-panel.ts';
import type { LogsPanel } from '../../panels/logs-panel.ts';
import type { BuildProblems } from '../../problems/build-problems.ts';
import type { SourceFolders } from '../../sources/source-folders.ts';
import { SourcePaths } from '../../sources/source-paths.ts';
import { tellFailure } from '../command.ts';
import { cancelBuild } from './cancel.ts';
import { configOf } from './config-of.ts';
import { startBuild } from './start-build.ts';

export interface PanelParts {
  session: Session;
  logs: LogsPanel;
  sources: SourceFolders;
  problems: BuildProblems;
  panel(): BuildPanel;
  /** A build that was followed has ended. */
  ended(build: Build): void;
}

/** What the Build panel's buttons and notifications do. */
export function buildActions({ session, logs, sources, problems, panel, ended }: PanelParts): BuildActions {
  return {
    cancel: (build) => cancelBuild(session, build),
    rebuild: async (build) => panel().show([await startBuild({ session, sources }, await configOf(session, build))], { announce: true }),
    open: async (namespace, name) => vscode.commands.executeCommand('slipway.route.open', { namespace, name }),
    async showAppLog(namespace, app) {
      const { items } = await session.client.list(pods, { namespace, labelSelector: `${deploymentLabels.deploymentConfig}=${app}` });
      if (items.length > 0) await logs.show(items);
    },
    async pathsOf(build) {
      const config = build.status.config?.name ? await configOf(session, build).catch(() => undefined) : undefined;
      const folder = config && sources.folderOf(config);
      return folder === undefined ? undefined : new SourcePaths(folder, build.spec.source?.contextDir);
    },
    openFile: (file, at) => openFile(file, at),
    ended(build, log) {
      ended(build);
      problems.ended(build, log).catch(tellFailure);
    },
    failed: tellFailure,
  };
}

async function openFile(file: string, at?: { line: number; column?: number | undefined }): Promise<void> {
  const place = at && new vscode.Position(Math.max(0, at.line - 1), Math.max(0, (at.column ?? 1) - 1));
  await vscode.window.showTextDocument(vscode.Uri.file(file), place && { selection: new vscode.Range(place, place) });
}
