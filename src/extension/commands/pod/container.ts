import * as vscode from 'vscode';
import type { Pod } from '../../../api/kinds/core.ts';
import { Cancelled } from '../command.ts';

/** The only or default container of a pod, or one that is chosen. */
export async function chooseContainer(pod: Pod): Promise<string> {
  const names = pod.spec.containers.map((container) => container.name);
  const wanted = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  if (wanted && names.includes(wanted)) return wanted;
  if (names.length === 1 && names[0]) return names[0];
  const picked = await vscode.window.showQuickPick(names, { title: vscode.l10n.t('Choose a container') });
  if (!picked) throw new Cancelled();
  return picked;
}
