/** What is done to rollouts from a row or the palette; their editor does the same. */
import * as vscode from 'vscode';
import type { RolloutAction } from '../../../protocol/rollout-panel.ts';
import { actOn } from '../../rollout/rollout-actions.ts';
import type { Choice } from '../choices.ts';
import { confirm, patiently, type Command } from '../command.ts';
import { rolloutTargetFor } from './target.ts';

const t = vscode.l10n.t;
const isPaused: NonNullable<Choice['filter']> = (object) => (object as { spec?: { paused?: boolean } }).spec?.paused ?? false;

function acting(action: Exclude<RolloutAction, 'enableTriggers'>, title: (name: string) => string, filter?: Choice['filter']): Command['run'] {
  return async ({ session }, asked) => {
    const target = await rolloutTargetFor(session, asked, action, filter);
    await actOn(session, target, action, { confirm, work: (run) => patiently(title(target.name), run) });
  };
}

export const startRolloutCommand: Command = { id: 'slipway.rollout.start', run: acting('latest', (name) => t('Rolling out "{0}"', name)) };
/** Replaces every pod by a rolling update, the template unchanged. */
export const restartCommand: Command = { id: 'slipway.deployment.restart', run: acting('restart', (name) => t('Restarting "{0}"', name)) };
export const pauseRolloutCommand: Command = { id: 'slipway.rollout.pause', run: acting('pause', (name) => t('Pausing "{0}"', name), (object) => !isPaused(object)) };
export const resumeRolloutCommand: Command = { id: 'slipway.rollout.resume', run: acting('resume', (name) => t('Resuming "{0}"', name), isPaused) };
export const cancelRolloutCommand: Command = { id: 'slipway.rollout.cancel', run: acting('cancel', (name) => t('Cancelling the rollout of "{0}"', name)) };
export const retryRolloutCommand: Command = { id: 'slipway.rollout.retry', run: acting('retry', (name) => t('Rolling out "{0}"', name)) };
