import * as vscode from 'vscode';
import type { Build, BuildConfig } from '../../../api/kinds/build.ts';
import { pods, type Pod } from '../../../api/kinds/core.ts';
import { deployments } from '../../../api/kinds/apps.ts';
import { deploymentConfigs, deploymentLabels } from '../../../api/kinds/deployment-config.ts';
import type { Session } from '../../connections/session.ts';
import type { BuildPanel } from '../../panels/build-panel.ts';
import type { RebuildActions } from '../../rebuild/rebuild-on-save.ts';
import type { SyncFailure } from '../../rebuild/sync.ts';
import { targetsOf } from '../../rebuild/sync-plan.ts';
import type { SourceFolders } from '../../sources/source-folders.ts';
import { cancelBuild } from '../build/cancel.ts';
import { sourceLimit, startBuild } from '../build/start-build.ts';
import { Advice, patiently, tellFailure } from '../command.ts';

const t = vscode.l10n.t;

/** What Rebuild on Save does and tells. */
export function rebuildActions(session: Session, sources: SourceFolders, panel: () => BuildPanel): RebuildActions {
  return {
    build: (config, folder) => startBuild({ session, sources }, config, { folder }),
    cancel: (build) => cancelBuild(session, build),
    follow: (build) => panel().show([build], { quiet: true }),
    ended: (build) => tellEnd(build, () => panel().show([build])),
    refused: (config, failure) => tellFailure(adviceFor(session, config, failure)),
    failed: tellFailure,
    limit: sourceLimit,
  };
}

/** A save is an every-minute thing: only what went wrong asks for attention. */
function tellEnd({ metadata, status }: Build, show: () => Promise<unknown>): void {
  const name = status.config?.name ?? metadata.name;
  if (status.phase === 'Complete') vscode.window.setStatusBarMessage(`$(check) ${t('"{0}" is built anew.', name)}`, 5_000);
  if (status.phase !== 'Failed' && status.phase !== 'Error') return;
  void tellFailure(new Advice(t('Build "{0}" failed: {1}', metadata.name, status.message ?? status.reason ?? ''), [{ title: t('Show Log'), run: show }]));
}

function adviceFor(session: Session, config: BuildConfig, { problem, message }: SyncFailure): Error {
  const { name } = config.metadata;
  const build = { title: t('Build Instead'), run: () => vscode.workspace.getConfiguration('slipway').update('rebuildOnSave', 'build', vscode.ConfigurationTarget.Workspace) };
  switch (problem) {
    case 'notInDevelopment':
      return new Advice(t('The files were not synced: "{0}" does not run in development mode, so nothing would start it again. DEV_MODE=true makes its builder\'s run script do so.', name), [
        { title: t('Set DEV_MODE'), run: () => setDevelopment(session, config).catch(tellFailure) }, build,
      ]);
    case 'noFolder':
      return new Advice(t('The files were not synced: the container of "{0}" has no folder /opt/app-root/src, so it was not made by a Source-to-Image builder.', name), [build]);
    case 'notTaken':
    case 'Failed':
      return new Advice(t('The files were not synced to "{0}": {1}', name, message), [build]);
  }
}

/** On whatever deploys the containers; they are replaced, and take files from then on. */
async function setDevelopment(session: Session, config: BuildConfig): Promise<void> {
  const namespace = config.metadata.namespace ?? session.project;
  const { items } = await session.client.list(pods, { namespace });
  const [target] = targetsOf(config, items);
  const owner = target && (await ownerOf(session, target.pod));
  if (!target || !owner) throw new Error(t('Nothing that deploys "{0}" was found: set DEV_MODE=true in its pods yourself.', config.metadata.name));
  const patch = { spec: { template: { spec: { containers: [{ name: target.container, env: [{ name: 'DEV_MODE', value: 'true' }] }] } } } };
  await patiently<unknown>(t('Setting DEV_MODE on "{0}"', owner.name), () => (owner.kind === 'config' ? session.client.patch(deploymentConfigs, { namespace, name: owner.name }, 'strategic', patch) : session.client.patch(deployments, { namespace, name: owner.name }, 'strategic', patch)));
}

async function ownerOf({ client }: Session, { metadata }: Pod): Promise<{ kind: 'config' | 'deployment'; name: string } | undefined> {
  const config = metadata.labels?.[deploymentLabels.deploymentConfig] ?? metadata.annotations?.['openshift.io/deployment-config.name'];
  if (config) return { kind: 'config', name: config };
  const set = metadata.ownerReferences?.find(({ kind }) => kind === 'ReplicaSet')?.name;
  const { items } = await client.list(deployments, { namespace: metadata.namespace });
  const deployment = items.find(({ metadata: { name } }) => set?.startsWith(`${name}-`));
  return deployment && { kind: 'deployment', name: deployment.metadata.name };
}
