import * as vscode from 'vscode';
import { pods, type Pod } from '../../../api/kinds/core.ts';
import type { Session } from '../../connections/session.ts';
import type { TreeNode } from '../../explorer/node.ts';
import { RolloutEditor, type EditorActions } from '../../rollout/rollout-editor.ts';
import { confirm, patiently, tellFailure, type Command } from '../command.ts';
import { rolloutTargetFor } from './target.ts';

/** Opens the page with a workload's state, pods and history. */
export const showRolloutCommand: Command = {
  id: 'slipway.rollout.show',
  async run({ session, rollouts }, asked) {
    const target = await rolloutTargetFor(session, asked);
    const actions: EditorActions = { confirm, work: (run) => patiently(vscode.l10n.t('Changing "{0}"', target.name), run), failed: tellFailure, log: async (pod: Pod) => vscode.commands.executeCommand('slipway.pod.logs', nodeOf(session, pod)) };
    rollouts.show(`${session.cluster}/${target.of.plural}/${target.namespace}/${target.name}`, vscode.l10n.t('Rollouts: {0}', target.name), (send) => new RolloutEditor(session, target, send, actions));
  },
};

/** As a row of it would be. */
function nodeOf(session: Session, pod: Pod): TreeNode {
  return { id: `${session.cluster}/rollout/${pod.metadata.name}`, label: pod.metadata.name, icon: 'vm', contextValue: 'pod', resource: pods, object: pod };
}
