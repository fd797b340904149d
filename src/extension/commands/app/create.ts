import * as vscode from 'vscode';
import { buildConfigs } from '../../../api/kinds/build.ts';
import type { AppSource } from '../../../client/apps/app-plan.ts';
import { folderAnnotation } from '../../sources/source-folders.ts';
import { sourceLimit } from '../build/start-build.ts';
import { upload } from '../build/upload.ts';
import { Advice, patiently, type Command, type CommandContext } from '../command.ts';
import { startEmbedded } from '../platform/start.ts';
import { isNode } from '../target.ts';
import { needTrust } from '../trust.ts';
import type { Draft } from './create-steps.ts';

/** What callers of the command's API may give instead of answering the steps. */
export interface CreateAppArguments {
  source: AppSource;
  name: string;
  /** An image stream tag, e.g. `nodejs:latest`, or the source's own Dockerfile. */
  builder: string | { dockerfile: string };
  port: number;
  route?: boolean;
}

export const createAppCommand: Command = {
  id: 'slipway.app.create',
  async run(context, target) {
    needTrust(vscode.workspace.name ?? vscode.l10n.t('this folder'));
    await ready(context);
    const project = projectOf(target) ?? context.session.project;
    return create(context, project, isArguments(target) ? target : await ask(context, project, target instanceof vscode.Uri ? target.fsPath : undefined));
  },
};

/** The platform starts on first use. */
async function ready(context: CommandContext): Promise<void> {
  const { session, platform } = context;
  if (!session.connection && !(await session.connect()) && session.choice.type === 'embedded' && !(await platform.find())) await startEmbedded(context);
  if (!(await session.connect())) throw new Error(vscode.l10n.t('Slipway is not connected. Start it, or choose a cluster.'));
  if (session.serves(buildConfigs)) return;
  throw new Advice(vscode.l10n.t('Cluster "{0}" cannot build from source: it knows no build configs. Use Slipway or an OpenShift cluster.', session.cluster), [
    { title: vscode.l10n.t('Switch Cluster…'), run: () => vscode.commands.executeCommand('slipway.cluster.switch') },
  ]);
}

async function ask({ session }: CommandContext, project: string, folder: string | undefined): Promise<CreateAppArguments> {
  const [{ builderStep, nameStep, portStep, refStep, sourceStep }, { runSteps }, { Checkout }] = await Promise.all([import('./create-steps.ts'), import('./steps.ts'), import('./checkout.ts')]);
  const checkout = new Checkout();
  try {
    const draft: Draft = { session, checkout, project, route: true, ...(folder && { source: { type: 'folder', folder } }) };
    const steps = [...(folder ? [] : [sourceStep]), refStep, builderStep, nameStep, portStep];
    const shown = ({ source }: Draft) => steps.length - (source?.type === 'git' ? 0 : 1);
    const { source, name, builder, port, route } = await runSteps(vscode.l10n.t('Create app from source'), draft, steps, shown);
    return { source, name, builder: builder && ('reference' in builder ? builder.reference : builder), port, route } as CreateAppArguments;
  } finally {
    await checkout.dispose();
  }
}

async function create({ session, build, sources }: CommandContext, namespace: string, { source, name, builder, port, route = true }: CreateAppArguments): Promise<string> {
  const first = await patiently(vscode.l10n.t('Creating "{0}"', name), async (signal) => {
    const { createApp } = await import('../../../client/apps/create-app.ts');
    return createApp(session.client, upload(session.client), {
      name, namespace, source, builder, port, route, sourceLimit: sourceLimit(),
      ...(source.type === 'folder' && { annotations: { [folderAnnotation]: source.folder } }),
    }, signal);
  });
  if (source.type === 'folder') await sources.note({ namespace, name }, source.folder);
  await build.show([first], { announce: true });
  return first.metadata.name;
}

function projectOf(target: unknown): string | undefined {
  if (!isNode(target)) return undefined;
  return target.namespace ?? (target.contextValue.startsWith('project') ? target.label : target.object?.metadata.namespace);
}

function isArguments(target: unknown): target is CreateAppArguments {
  return typeof target === 'object' && target !== null && 'source' in target && 'builder' in target && 'name' in target;
}
