import * as vscode from 'vscode';
import { builds, buildConfigs, type Build, type BuildConfig } from '../../../api/kinds/build.ts';
import type { Session } from '../../connections/session.ts';
import { activeBuildChoice, buildChoice, buildConfigChoice } from '../choices.ts';
import { patiently, type Command } from '../command.ts';
import { named, objectFor } from '../target.ts';
import { needTrust } from '../trust.ts';
import { sourceFolderOf } from './source-folder.ts';
import { upload } from './upload.ts';

export const watchBuildCommand: Command = {
  id: 'slipway.build.watch',
  async run({ session, build }, target) {
    await build.show(await objectFor(session, target, buildChoice()));
  },
};

export const startBuildCommand: Command = {
  id: 'slipway.build.start',
  async run({ session, build }, target) {
    const config = await objectFor(session, target, buildConfigChoice());
    await build.show(await startBuild(session, config), { announce: true });
  },
};

export const cancelBuildCommand: Command = {
  id: 'slipway.build.cancel',
  async run({ session }, target) {
    await cancelBuild(session, await objectFor(session, target, activeBuildChoice()));
  },
};

export async function cancelBuild({ client }: Session, build: Build): Promise<void> {
  await client.patch(builds, named(build), 'merge', { status: { cancelled: true } });
}

/** A build from Git starts at once; one from a folder is sent the folder again. */
export async function startBuild(session: Session, config: BuildConfig): Promise<Build> {
  const at = { namespace: config.metadata.namespace ?? session.project, name: config.metadata.name };
  needTrust(at.name);
  const title = vscode.l10n.t('Starting a build of "{0}"', at.name);
  if (config.spec.source?.type !== 'Binary') {
    const request = { apiVersion: 'build.openshift.io/v1', kind: 'BuildRequest', metadata: { name: at.name }, triggeredBy: [{ message: 'Manually triggered' }] };
    return patiently(title, () => session.client.create<BuildConfig, Build>(buildConfigs, request, { ...at, subresource: 'instantiate' }));
  }
  const folder = await sourceFolderOf(config);
  return patiently(title, async (signal) => {
    const { startBinaryBuild } = await import('../../../client/apps/create-app.ts');
    const { archiveSource, listSource } = await import('../../../client/apps/source-archive.ts');
    const entries = await listSource(folder, sourceLimit());
    return startBinaryBuild(upload(session.client), at.namespace, at.name, archiveSource(folder, entries), signal);
  });
}

/** Bytes of a folder that are sent to a build at the most. */
export function sourceLimit(): number {
  return vscode.workspace.getConfiguration('slipway').get<number>('source.limit', 256) * 1024 * 1024;
}
