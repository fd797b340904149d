/** Which folder of this machine a container's program was built from. */
import path from 'node:path';
import * as vscode from 'vscode';
import { buildConfigs, type BuildConfig } from '../../api/kinds/build.ts';
import type { Pod } from '../../api/kinds/core.ts';
import type { Session } from '../connections/session.ts';
import { applicationOf } from '../explorer/project-content.ts';
import { targetsOf } from '../rebuild/sync-plan.ts';
import { openFolders, type SourceFolders } from '../sources/source-folders.ts';

/** As its build config says; else an open folder, chosen if there are several. `undefined`: there is none, and the debugger shows what the container has. */
export async function sourceOf({ session, sources }: { session: Session; sources: SourceFolders }, pod: Pod, container: string): Promise<string | undefined> {
  const configs = session.serves(buildConfigs) ? (await session.client.list(buildConfigs, { namespace: pod.metadata.namespace })).items : [];
  const config = configOf(pod, container, configs);
  const folder = config && sources.folderOf(config);
  if (folder !== undefined) return path.join(folder, config?.spec.source?.contextDir ?? '');
  const open = openFolders();
  if (open.length < 2) return open[0];
  const picked = await vscode.window.showQuickPick(open.map((one) => ({ label: path.basename(one), description: one, folder: one })), { title: vscode.l10n.t('Which folder was "{0}" built from?', pod.metadata.name) });
  return picked?.folder;
}

/** By the stream that the build writes to, else by the application that both belong to. */
function configOf(pod: Pod, container: string, configs: readonly BuildConfig[]): BuildConfig | undefined {
  return configs.find((config) => targetsOf(config, [pod]).some((target) => target.container === container)) ?? configs.find((config) => applicationOf(config) === applicationOf(pod));
}
