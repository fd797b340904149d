import * as vscode from 'vscode';
import type { BuildConfig } from '../../../api/kinds/build.ts';
import { isApplicationNode } from '../../explorer/application-nodes.ts';
import { openFolders } from '../../sources/source-folders.ts';
import { buildConfigChoice } from '../choices.ts';
import { Cancelled, type Command, type CommandContext } from '../command.ts';
import { isNode, objectFor } from '../target.ts';
import { needTrust } from '../trust.ts';

const t = vscode.l10n.t;

/** From now on a save in the application's folder builds it anew, or puts the files into its containers: as the setting says. */
export const rebuildOnSaveCommand: Command = {
  id: 'slipway.app.rebuildOnSave',
  async run(context, target) {
    for (const config of await configsOf(context, target)) {
      needTrust(config.metadata.name);
      const folder = context.sources.folderOf(config) ?? (await chooseFolder(config.metadata.name));
      await context.rebuild.start(config, folder);
    }
  },
};

export const stopRebuildOnSaveCommand: Command = {
  id: 'slipway.app.stopRebuildOnSave',
  async run(context, target) {
    for (const { metadata } of await configsOf(context, target, (config) => context.rebuild.has(config))) await context.rebuild.end({ namespace: metadata.namespace ?? context.session.project, name: metadata.name });
  },
};

/** Of an application all that it is built by. */
async function configsOf({ session }: CommandContext, target: unknown, filter: (config: BuildConfig) => boolean = () => true): Promise<BuildConfig[]> {
  if (isNode(target) && isApplicationNode(target)) return target.application.buildConfigs.map(({ config }) => config).filter(filter);
  return [await objectFor(session, target, { ...buildConfigChoice(), filter })];
}

async function chooseFolder(name: string): Promise<string> {
  const open = openFolders().map((folder) => ({ label: `$(folder) ${folder}`, folder }));
  const picked = await vscode.window.showQuickPick([...open, { label: `$(folder-opened) ${t('Another folder…')}`, folder: '' }], { title: t('Which folder holds the source of "{0}"?', name) });
  if (!picked) throw new Cancelled();
  if (picked.folder) return picked.folder;
  const [folder] = (await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, openLabel: t('Use This Folder') })) ?? [];
  if (!folder) throw new Cancelled();
  return folder.fsPath;
}
