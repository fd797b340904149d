import * as vscode from 'vscode';
import { builds, buildConfigs, type Build, type BuildConfig } from '../../../api/kinds/build.ts';
import { activeBuildChoice, buildChoice, buildConfigChoice } from '../choices.ts';
import type { Command, CommandContext } from '../command.ts';
import { objectFor } from '../target.ts';
import { sourceFolderOf } from './source-folder.ts';

export const watchBuildCommand: Command = {
  id: 'slipway.build.watch',
  async run({ session, build }, target) {
    await build.show(await objectFor(session, target, buildChoice()));
  },
};

export const startBuildCommand: Command = {
  id: 'slipway.build.start',
  async run(context, target) {
    const config = await objectFor(context.session, target, buildConfigChoice());
    await context.build.show(await startBuild(context, config));
  },
};

export const cancelBuildCommand: Command = {
  id: 'slipway.build.cancel',
  async run({ session }, target) {
    const build = await objectFor(session, target, activeBuildChoice());
    await cancelBuild(session.client, build);
  },
};

export async function cancelBuild(client: CommandContext['session']['client'], build: Build): Promise<void> {
  await client.patch(builds, { namespace: build.metadata.namespace, name: build.metadata.name }, 'merge', { status: { cancelled: true } });
}

/** A build from Git starts at once; one from a folder is sent the folder again. */
export async function startBuild({ session }: Pick<CommandContext, 'session'>, config: BuildConfig): Promise<Build> {
  const at = { namespace: config.metadata.namespace ?? session.project, name: config.metadata.name };
  if (config.spec.source?.type !== 'Binary') {
    const request = { apiVersion: 'build.openshift.io/v1', kind: 'BuildRequest', metadata: { name: at.name }, triggeredBy: [{ message: 'Manually triggered' }] };
    return session.client.create<BuildConfig, Build>(buildConfigs, request, { ...at, subresource: 'instantiate' });
  }
  if (!vscode.workspace.isTrusted) throw new Error(vscode.l10n.t('Building this folder needs a trusted workspace. Trust it, then build again.'));
  const folder = await sourceFolderOf(config);
  const { startBinaryBuild } = await import('../../../client/apps/create-app.ts');
  const { archiveSource, listSource } = await import('../../../client/apps/source-archive.ts');
  const limit = vscode.workspace.getConfiguration('slipway').get<number>('source.limit', 256) * 1024 * 1024;
  const entries = await listSource(folder, limit);
  return startBinaryBuild((to, body) => session.client.raw('POST', to, body), at.namespace, at.name, archiveSource(folder, entries));
}
