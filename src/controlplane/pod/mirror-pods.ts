/**
 * Parts of the platform shown as pods of project `default`: true state and logs, no container behind them.
 * Like the kubelet's mirrors of static pods they only show: deleting one brings it back.
 */
import { Readable } from 'node:stream';
import { equalJson } from '../../api/json.ts';
import { pods, type Pod, type PodStatus } from '../../api/kinds/core.ts';
import { toTime } from '../../api/meta.ts';
import { mirrorAnnotation } from '../../api/pod.ts';
import { isStatusError, notFound } from '../../api/status.ts';
import { systemProject } from '../../api/well-known.ts';
import type { Clock } from '../../base/clock.ts';
import { toDisposable, type Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import { readPlainLog } from './plain-log.ts';

export interface SystemPart {
  /** Name of its pod, e.g. `router-1`. */
  name: string;
  labels: Record<string, string>;
  /** Shown as the container's image. */
  image: string;
  ports: { name: string; containerPort: number }[];
  ip: string;
  nodeName: string;
  logFile: string;
}

export type PartState = { state: 'running'; since: Date; restarts: number } | { state: 'failed'; since: Date; restarts: number; message: string };

/** A part that is published; `set` tells its state, disposing takes its pod away. */
export interface PublishedPart extends Disposable {
  set(state: PartState): void;
}

export interface MirrorPods extends Disposable {
  publish(part: SystemPart): PublishedPart;
  log(pod: Pod, query: URLSearchParams, signal: AbortSignal): Readable;
}

/** A pod that was deleted by hand is back after this long at the latest. */
const refreshMs = 30_000;

export function mirrorPods(clock: Clock, log: Log, client: () => Client | undefined): MirrorPods {
  const parts = new Map<string, { part: SystemPart; state: PartState | undefined; writing: Promise<void> }>();
  let timer: Disposable | undefined;

  const write = async (name: string): Promise<void> => {
    const known = parts.get(name);
    const writer = client();
    if (!known?.state || !writer) return;
    const wanted = mirror(known.part, known.state);
    const at = { namespace: systemProject, name };
    let there: Pod | undefined = await writer.get(pods, at).catch(absent);
    // The spec of a pod stands: one of another address or image is a new pod.
    if (there && there.spec.containers[0]?.image !== known.part.image) {
      await writer.delete(pods, at, { gracePeriodSeconds: 0 }).catch(absent);
      there = undefined;
    }
    const shown: Pod = there ?? (await writer.create<Pod>(pods, wanted, { namespace: systemProject }));
    const { status } = wanted;
    if (!equalJson(pick(shown.status), pick(status))) await writer.patch(pods, { ...at, subresource: 'status' }, 'merge', { status });
  };
  const enqueue = (name: string) => {
    const known = parts.get(name);
    if (!known) return;
    known.writing = known.writing.then(() => write(name)).catch((error: unknown) => log.warn('cannot publish a part of the platform as a pod', { part: name, error }));
  };
  const refresh = () => {
    for (const name of parts.keys()) enqueue(name);
    timer = clock.after(refreshMs, refresh);
  };

  return {
    publish(part) {
      parts.set(part.name, { part, state: undefined, writing: Promise.resolve() });
      timer ??= clock.after(refreshMs, refresh);
      return {
        set(state) {
          const known = parts.get(part.name);
          if (known) known.state = state;
          enqueue(part.name);
        },
        ...toDisposable(async () => {
          const known = parts.get(part.name);
          parts.delete(part.name);
          await known?.writing;
          await client()?.delete(pods, { namespace: systemProject, name: part.name }, { gracePeriodSeconds: 0 }).catch(absent);
        }),
      };
    },
    log(pod, query, signal) {
      // The annotation alone proves nothing: whoever makes pods can write it.
      const known = pod.metadata.namespace === systemProject ? parts.get(pod.metadata.name) : undefined;
      if (!known) throw notFound(pods, pod.metadata.name);
      const number = (name: string) => (query.get(name) ? Number(query.get(name)) : undefined);
      const [tailLines, limitBytes] = [number('tailLines'), number('limitBytes')];
      const options = { follow: ['true', '1'].includes(query.get('follow') ?? ''), ...(tailLines !== undefined && { tailLines }), ...(limitBytes !== undefined && { limitBytes }) };
      return Readable.from(readPlainLog(known.part.logFile, options, signal), { objectMode: false });
    },
    async dispose() {
      await timer?.dispose();
      await Promise.all([...parts.values()].map(({ writing }) => writing));
      parts.clear();
    },
  };
}

const absent = (error: unknown): undefined => {
  if (!isStatusError(error, 'NotFound')) throw error;
  return undefined;
};

const pick = (status: PodStatus | undefined) => [status?.phase, status?.podIP, status?.containerStatuses, status?.conditions?.map(({ type, status: value }) => [type, value])];

function mirror(part: SystemPart, state: PartState): Pod {
  const container = { name: part.name.replace(/-\d+$/, ''), image: part.image, ports: part.ports };
  const running = state.state === 'running';
  const since = toTime(state.since);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: part.name,
      namespace: systemProject,
      labels: part.labels,
      annotations: { [mirrorAnnotation]: part.name, 'kubernetes.io/config.source': 'platform' },
    },
    spec: { containers: [container], nodeName: part.nodeName, hostNetwork: false, restartPolicy: 'Always', tolerations: [{ operator: 'Exists' }], automountServiceAccountToken: false },
    status: {
      phase: 'Running',
      podIP: part.ip,
      podIPs: [{ ip: part.ip }],
      hostIP: part.ip,
      startTime: since,
      conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
        type,
        status: running || type === 'Initialized' || type === 'PodScheduled' ? 'True' : 'False',
        lastTransitionTime: since,
      })),
      containerStatuses: [
        {
          name: container.name,
          image: part.image,
          imageID: '',
          ready: running,
          started: running,
          restartCount: state.restarts,
          state: running ? { running: { startedAt: since } } : { waiting: { reason: 'CrashLoopBackOff', message: state.message } },
          lastState: {},
        },
      ],
    },
  };
}
