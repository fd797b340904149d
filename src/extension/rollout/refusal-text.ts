/** Why a rollout cannot be asked for that, in the user's language. Told by name: the class belongs to modules that are loaded when they are needed. */
import type { RolloutRefusal } from '../../client/rollout/refusal.ts';
import type { Translate } from '../explorer/node.ts';

export function refusalText(error: unknown, name: string, t: Translate): string | undefined {
  if (!(error instanceof Error) || error.name !== 'RolloutRefusal') return undefined;
  switch ((error as RolloutRefusal).reason) {
    case 'Paused':
      return t('"{0}" is paused. Resume it first.', name);
    case 'NotPaused':
      return t('"{0}" is not paused.', name);
    case 'NoHistory':
      return t('"{0}" has no earlier revision to go back to.', name);
    case 'NoRevision':
      return t('"{0}" no longer has that revision.', name);
    case 'InProgress':
      return t('A rollout of "{0}" is under way. Cancel it, or wait for its end.', name);
    case 'NotFailed':
      return t('The last rollout of "{0}" did not fail, so there is nothing to try again.', name);
    case 'NotRolledOut':
      return t('"{0}" was never rolled out. Start its first rollout.', name);
    case 'SameTemplate':
      return t('"{0}" is as it was in that revision already.', name);
    case 'NotSupported':
      return error.message;
  }
}
