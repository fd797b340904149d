/** Follows the log of a container through its restarts, told of them by the watch that views share. */
import { pods, type Pod } from '../../api/kinds/core.ts';
import { isTerminal } from '../../api/pod.ts';
import type { Connection } from '../../client/connection.ts';
import type { Informer } from '../../client/informer.ts';
import type { LogSource } from '../../protocol/logs-panel.ts';
import type { Session } from '../connections/session.ts';

export interface LogFollower {
  onState(state: LogSource['state'], detail?: string): void;
  onLine(line: { time: string; text: string }): void;
}

export interface FollowTarget {
  namespace: string;
  pod: string;
  container: string;
  previous: boolean;
  sinceSeconds: number | undefined;
}

/** Lines read at first; the whole of a longer log is one click away by *Save all*. */
const firstLines = 20_000;

/** Resolves when the container will write no more; rejects with what went wrong. */
export async function followLog(session: Session, target: FollowTarget, follower: LogFollower, signal: AbortSignal): Promise<void> {
  const { connection } = session;
  if (!connection) return;
  if (target.previous) return read(connection, target, { previous: true }, follower, signal);
  const lease = session.watch(pods, target.namespace);
  try {
    for (let last: string | undefined; ; ) {
      const run = await nextRun(lease.informer, target, last, follower, signal);
      if (run === undefined) return;
      const first = last === undefined ? { tailLines: firstLines, ...(target.sinceSeconds !== undefined && { sinceSeconds: target.sinceSeconds }) } : {};
      await read(connection, target, { follow: true, ...first }, follower, signal);
      last = run;
    }
  } finally {
    lease.dispose();
  }
}

async function read(connection: Connection, { namespace, pod, container }: FollowTarget, options: Parameters<Connection['logs']>[1], follower: LogFollower, signal: AbortSignal): Promise<void> {
  const lines = connection.logs({ namespace, pod, container }, {
    ...options, signal,
    onInterruption: (error) => follower.onState(error ? 'waiting' : 'streaming', error?.message),
  });
  follower.onState('streaming');
  for await (const line of lines) follower.onLine(line);
}

/** The id of the container's first run that is not `last`; `undefined` if there will be none. */
function nextRun(watched: Informer<Pod>, { namespace, pod, container }: FollowTarget, last: string | undefined, follower: LogFollower, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let said: string | undefined;
    const listening: { dispose(): unknown }[] = [];
    const end = (settle: () => void) => {
      for (const one of listening.splice(0)) one.dispose();
      signal.removeEventListener('abort', stop);
      settle();
    };
    const stop = () => end(() => resolve(undefined));
    const look = () => {
      const found = watched.get(`${namespace}/${pod}`);
      const status = [...(found?.status?.containerStatuses ?? []), ...(found?.status?.initContainerStatuses ?? [])].find(({ name }) => name === container);
      if (status?.containerID && status.containerID !== last) return end(() => resolve(status.containerID));
      if (!found || isTerminal(found) || found.metadata.deletionTimestamp) return stop();
      const why = status?.state?.waiting?.reason ?? found.status?.phase ?? '';
      if (last !== undefined && status?.state?.terminated && found.spec.restartPolicy !== 'Always') return stop();
      if (why !== said) follower.onState('waiting', (said = why));
    };
    signal.addEventListener('abort', stop, { once: true });
    void watched.synced.then(() => {
      if (signal.aborted) return;
      listening.push(watched.onChange(({ object }) => object.metadata.name === pod && look()));
      look();
    });
    listening.push(watched.onFailure((failure) => failure && !watched.get(`${namespace}/${pod}`) && end(() => reject(failure))));
    if (signal.aborted) stop();
  });
}
