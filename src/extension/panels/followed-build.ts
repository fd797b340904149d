/** One build that the Build panel follows: its state and its log, kept whether or not they are shown. */
import { finishedPhases, type Build } from '../../api/kinds/build.ts';
import type { Connection } from '../../client/connection.ts';
import { progressMark } from '../../protocol/build-progress.ts';
import type { FeedToPage } from '../../protocol/log-feed.ts';
import { placesIn } from '../problems/log-links.ts';
import type { SourcePaths } from '../sources/source-paths.ts';
import { routeOf } from './build-announcement.ts';
import { LogFeed } from './log-feed.ts';

/** What our builder and buildah say of a layer they need not make. */
const cacheMark = /^--> Using cache/;

export interface FollowerParts {
  /** Lines of a log that are kept. */
  lines: number;
  /** Files that a build was made from, if they lie on this machine. */
  pathsOf(build: Build): Promise<SourcePaths | undefined>;
  /** Its state has changed. */
  changed(): void;
  send(message: FeedToPage): void;
  /** It has ended; `log` is what was kept of it. */
  ended(build: Build, log: readonly string[]): void;
}

export class FollowedBuild {
  readonly id: string;
  readonly feed: LogFeed;
  readonly #parts: FollowerParts;
  readonly #stop = new AbortController();
  #build: Build;
  #route: string | undefined;
  #paths: SourcePaths | undefined;
  #cached = 0;
  /** Its end was shown: it makes room for the next one. */
  seen = false;

  constructor(build: Build, parts: FollowerParts) {
    this.id = idOf(build);
    this.#build = build;
    this.#parts = parts;
    this.feed = new LogFeed(parts.lines, parts.send);
  }

  get build(): Build {
    return this.#build;
  }

  get ended(): boolean {
    return finishedPhases.includes(this.#build.status.phase);
  }

  /** Route to open, once it is known. */
  get route(): string | undefined {
    return this.#route;
  }

  /** Instructions of a Dockerfile that were not run, since their layers are known. */
  get cached(): number {
    return this.#cached;
  }

  get paths(): SourcePaths | undefined {
    return this.#paths;
  }

  /** Resolves when the build has ended and its log was read; rejects if it can no longer be followed. */
  async follow(connection: Connection, project: string): Promise<void> {
    const { signal } = this.#stop;
    const at = { namespace: this.#build.metadata.namespace ?? project, name: this.#build.metadata.name };
    const [{ followBuild }, paths] = await Promise.all([import('../../client/apps/follow-app.ts'), this.#parts.pathsOf(this.#build)]);
    if (signal.aborted) return;
    this.#paths = paths;
    let log: Promise<void> | undefined;
    const ended = await followBuild(connection.client, at, (state) => {
      if (signal.aborted) return;
      this.#build = state;
      this.#parts.changed();
      // Before its pod runs a build has no log.
      if (state.status.phase !== 'New' && state.status.phase !== 'Pending') log ??= this.#readLog(connection, at, signal);
    }, signal);
    const app = ended.status.config?.name && { namespace: at.namespace, name: ended.status.config.name };
    const [route] = await Promise.all([app ? routeOf(connection.client, app) : undefined, log]);
    if (signal.aborted) return;
    this.#route = route;
    this.#parts.changed();
    this.#parts.ended(ended, this.feed.texts());
  }

  dispose(): void {
    this.#stop.abort();
    this.feed.dispose();
  }

  get disposed(): boolean {
    return this.#stop.signal.aborted;
  }

  async #readLog(connection: Connection, { namespace, name }: { namespace: string; name: string }, signal: AbortSignal): Promise<void> {
    try {
      for await (const { time, text } of connection.logs({ namespace, build: name }, { follow: true, signal })) {
        if (cacheMark.test(text)) this.#cached += 1;
        if (!signal.aborted && !text.startsWith(progressMark)) this.feed.add('', [{ time, text, links: placesIn(text).filter(({ path }) => this.#paths?.find(path)) }]);
      }
    } catch (error) {
      // A build that never got a pod has no log; its status says why.
      if (!signal.aborted && !this.ended) this.feed.add('', [{ time: '', text: (error as Error).message }]);
    }
  }
}

export function idOf({ metadata }: Build): string {
  return metadata.uid ?? `${metadata.namespace ?? ''}/${metadata.name}`;
}
