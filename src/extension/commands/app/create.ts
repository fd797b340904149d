import * as vscode from 'vscode';
import type { AppSource } from '../../../client/apps/app-plan.ts';
import type { Builder } from '../../../client/apps/builders.ts';
import type { Command, CommandContext } from '../command.ts';
import { folderAnnotation } from '../build/source-folder.ts';
import { startEmbedded } from '../platform/start.ts';
import { builderStep, nameStep, portStep, refStep, sourceStep, type Draft } from './create-steps.ts';
import { runSteps } from './steps.ts';

/** What callers of the command's API may give instead of answering the steps. */
export interface CreateAppArguments {
  source: AppSource;
  name: string;
  builder: string;
  port: number;
}

export const createAppCommand: Command = {
  id: 'slipway.app.create',
  async run(context, target) {
    await ready(context);
    const draft: Draft = { context, project: context.session.project };
    const folder = target instanceof vscode.Uri ? target : undefined;
    if (folder) draft.source = { type: 'folder', folder: folder.fsPath };
    if (isArguments(target)) Object.assign(draft, { source: target.source, name: target.name, port: target.port, route: true, builder: { reference: target.builder } as Builder });
    else await runSteps(vscode.l10n.t('Create app from source'), draft, [...(folder ? [] : [sourceStep]), refStep, builderStep, nameStep, portStep], () => (folder ? 3 : draft.source?.type === 'git' ? 5 : 4));
    return create(context, draft as Required<Draft>);
  },
};

/** The platform starts on first use. */
async function ready(context: CommandContext): Promise<void> {
  const { session, platform } = context;
  if (session.state === 'connected' || (await session.connect())) return;
  if (session.choice.type === 'embedded' && !(await platform.find())) await startEmbedded(context);
  if (!(await session.connect())) throw new Error(vscode.l10n.t('Slipway is not connected. Start it, or choose a cluster.'));
}

async function create({ session, build }: CommandContext, draft: Required<Draft>): Promise<string> {
  const { source, name, project, port, builder, route } = draft;
  if (source.type === 'folder' && !vscode.workspace.isTrusted) {
    const manage = vscode.l10n.t('Manage Workspace Trust');
    if ((await vscode.window.showErrorMessage(vscode.l10n.t('Building "{0}" runs its scripts, so it needs a trusted workspace.', name), manage)) === manage) await vscode.commands.executeCommand('workbench.trust.manage');
    return '';
  }
  const { createApp } = await import('../../../client/apps/create-app.ts');
  const limit = vscode.workspace.getConfiguration('slipway').get<number>('source.limit', 256) * 1024 * 1024;
  const first = await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: vscode.l10n.t('Creating "{0}"', name) }, () =>
    createApp(session.client, (to, body, signal) => (signal?.throwIfAborted(), session.client.raw('POST', to, body)), {
      name, namespace: project, source, builder: builder.reference, port, route, sourceLimit: limit,
      ...(source.type === 'folder' && { annotations: { [folderAnnotation]: source.folder } }),
    }));
  await build.show(first, { announce: true });
  return first.metadata.name;
}

function isArguments(target: unknown): target is CreateAppArguments {
  return typeof target === 'object' && target !== null && 'source' in target && 'builder' in target && 'name' in target;
}

