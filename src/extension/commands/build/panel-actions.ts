import * as vscode from 'vscode';
import { pods } from '../../../api/kinds/core.ts';
import { deploymentLabels } from '../../../api/kinds/deployment-config.ts';
import type { Session } from '../../connections/session.ts';
import type { BuildActions, BuildPanel } from '../../panels/build-panel.ts';
import type { LogsPanel } from '../../panels/logs-panel.ts';
import { tellFailure } from '../command.ts';
import { cancelBuild, startBuild } from './build.ts';
import { configOf } from './config-of.ts';
import { sourceFiles } from './source-folder.ts';

/** What the Build panel's buttons and notifications do. */
export function buildActions(session: Session, logs: LogsPanel, panel: () => BuildPanel): BuildActions {
  return {
    cancel: (build) => cancelBuild(session, build),
    rebuild: async (build) => panel().show(await startBuild(session, await configOf(session, build)), { announce: true }),
    open: async (namespace, name) => vscode.commands.executeCommand('slipway.route.open', { namespace, name }),
    async showAppLog(namespace, app) {
      const { items } = await session.client.list(pods, { namespace, labelSelector: `${deploymentLabels.deploymentConfig}=${app}` });
      if (items.length > 0) await logs.show(items);
    },
    filesOf: (build) => sourceFiles(session, build),
    failed: tellFailure,
  };
}
