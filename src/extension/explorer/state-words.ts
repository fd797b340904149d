import type { Translate } from './node.ts';

/** States that everybody meets, in the user's language; reasons such as `CrashLoopBackOff` stay as the API says them, since that is what one searches for. */
export function stateWord(state: string, t: Translate): string {
  switch (state) {
    case 'New':
      return t('New');
    case 'Pending':
      return t('Pending');
    case 'Running':
      return t('Running');
    case 'Complete':
      return t('Complete');
    case 'Completed':
      return t('Completed');
    case 'Failed':
      return t('Failed');
    case 'Error':
      return t('Error');
    case 'Cancelled':
      return t('Cancelled');
    case 'Terminating':
      return t('Terminating');
    default:
      return state;
  }
}
