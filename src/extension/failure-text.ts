/** Failures of the parts below, in the user's language. Told by name: the classes belong to modules that are loaded when they are needed. */
import type { AppExists } from '../client/apps/create-app.ts';
import type { SourceMissing, SourceTooLarge } from '../client/apps/source-archive.ts';
import type { StartFailureReason } from '../protocol/daemon.ts';
import type { PlatformFailure } from './daemon/platform.ts';
import type { Translate } from './explorer/node.ts';

/** What the API says stays in its own words: they are those of every Kubernetes document. */
export function failureText(error: unknown, t: Translate): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'SourceTooLarge') {
    const { folder, total, limit, largest } = error as SourceTooLarge;
    return t('The source in "{0}" holds {1}, more than the {2} that are sent. Largest: {3}. Name what the build does not need in .gitignore, or raise the limit in the settings.', folder, total, limit, largest);
  }
  if (error.name === 'SourceMissing') {
    const { folder, problem } = error as SourceMissing;
    if (problem === 'Empty') return t('"{0}" is empty: there is nothing to build.', folder);
    return problem === 'NotThere' ? t('There is no folder "{0}".', folder) : t('"{0}" is no folder.', folder);
  }
  if (error.name === 'AppExists') {
    const { kind, app, namespace } = error as AppExists;
    return t('{0} "{1}" already exists in project "{2}". Choose another name, or delete it first.', kind, app, namespace);
  }
  if (error.name === 'ConnectionError') return t('The cluster cannot be reached: {0}', whyUnreachable(error));
  return error.message;
}

/** Without what is said before it: that it cannot be reached. */
export function whyUnreachable(error: Error | undefined): string {
  return error?.message.replace(/^cannot reach [^ ]+: /, '') ?? '';
}

/** Why the platform did not start and what helps; what only the system knows follows in its own words. */
export function startFailureText({ reason, message, fix }: Pick<PlatformFailure, 'reason' | 'message' | 'fix'>, t: Translate): { message: string; fix: string | undefined } {
  const known: Partial<Record<StartFailureReason, [message: string, fix?: string]>> = {
    DiskFull: [t('The disk is full.'), t('Free some space and start again.')],
    PortInUse: [t('A port that Slipway needs is in use: {0}', message), t('End the program that holds it, then start again.')],
    StoreDamaged: [t('The store of Slipway is damaged; nothing of it was changed.'), t('Recover keeps the damaged file and goes on with what can still be read.')],
    StoreNewer: [t('The store was written by a newer version of Slipway.'), t('Update this extension, then start again.')],
    MissingRuntime: [t('Slipway needs Node.js 22.15 or newer. Install a current Node.js and try again.')],
    MissingPower: [t('Pods cannot be sandboxed on this machine: {0}', message.replace(/^[^:]*: /, '')), fix],
    Stopped: [t('The start was stopped.')],
  };
  const [text, helps] = known[reason] ?? [message, fix];
  return { message: text, fix: helps };
}
