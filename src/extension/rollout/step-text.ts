import type { RolloutStep } from '../../client/rollout/status.ts';
import type { Translate } from '../explorer/node.ts';

/** Where a rollout stands, in the user's language; empty where its phase says it all. */
export function stepText(step: RolloutStep, t: Translate): string {
  switch (step.type) {
    case 'unseen':
      return t('The newest change has not been taken up yet.');
    case 'updating':
      return t('{0} of {1} pods are of the newest revision.', step.done, step.of);
    case 'starting':
      return t('{0} of {1} pods of the newest revision are available.', step.done, step.of);
    case 'ending':
      return t('Pods of earlier revisions that still run: {0}', step.left);
    case 'unready':
      return t('Pods that are not ready yet: {0}', step.left);
    case 'noImage':
      return t('It waits for the first image that it follows. A build brings one.');
    case 'noRollout':
      return t('It was never rolled out. Start its first rollout.');
    case 'paused':
      return t('Changes wait until it is resumed.');
    case 'late':
      return t('It made no progress within its deadline.');
    case 'cancelled':
      return t('The rollout was cancelled. The pods of the revision before serve on.');
    case 'byHand':
      return t('A pod takes on the newest revision once it is deleted (OnDelete).');
    case 'partDone':
      return t('{0} pods are of the newest revision; those numbered below {1} keep the one before.', step.done, step.partition);
    case 'done':
      return '';
  }
}
