/** What a fetch from Git is given and gives, whichever way it is done. */
import type { GitSource } from '../../../../../api/kinds/build.ts';
import type { BuildTermination } from '../../../../../protocol/build-progress.ts';

export type Revision = NonNullable<BuildTermination['revision']>;

export interface GitFetch {
  source: GitSource;
  /** A commit that overrides the ref: of a webhook, or of a build that is repeated. */
  commit: string | undefined;
  /** Folder of the source secret. */
  secret: string | undefined;
  /** A new folder. */
  target: string;
  scratch: string;
  say(text: string): void;
  signal: AbortSignal;
}

export interface GitRevision extends Revision {
  date: string;
}
