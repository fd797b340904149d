/** Runs the probes of running containers and tells when what they say changes. */
import type { Pod } from '../../api/kinds/core.ts';
import type { ObjectReference } from '../../api/meta.ts';
import type { Clock } from '../../base/clock.ts';
import { toDisposable, type Disposable } from '../../base/disposable.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';
import type { NamedContainer, ObservedContainer, ProbeState } from '../pods/pod-view.ts';
import type { PodSandbox, Runtime } from '../runtime/runtime.ts';
import { perform, type Target } from './handler.ts';
import { counted, exhausted, initialCount, nextTry, timeoutMs, type Probe, type ProbeCount, type ProbeKind } from './probe-plan.ts';

export interface ProbeParts {
  runtime: Pick<Runtime, 'exec' | 'inside'>;
  clock: Clock;
  events: EventRecorder;
  /** What the probes of a container of the pod `uid` say has changed. */
  onChange(uid: string): void;
}

interface Watched extends Disposable {
  uid: string;
  state: ProbeState;
  /** No more liveness and startup probes. */
  settle(): void;
}

export class ProbeManager implements Disposable {
  readonly #parts: ProbeParts;
  readonly #watched = new Map<string, Watched>();

  constructor(parts: ProbeParts) {
    this.#parts = parts;
  }

  /** Watches exactly the running containers that have probes; those that ended are forgotten. */
  sync(pod: Pod, sandbox: PodSandbox, running: readonly { named: NamedContainer; instance: ObservedContainer }[]): void {
    const uid = pod.metadata.uid ?? '';
    const ids = new Set(running.map(({ instance }) => instance.id));
    for (const [id, watched] of this.#watched) if (watched.uid === uid && !ids.has(id)) this.#forget(id);
    for (const { named, instance } of running) {
      const { container, role } = named;
      if (role === 'init' || role === 'ephemeral' || this.#watched.has(instance.id)) continue;
      if (!container.startupProbe && !container.readinessProbe && !container.livenessProbe) continue;
      this.#watched.set(instance.id, this.#watch(pod, sandbox, named, instance));
    }
  }

  states(uid: string): Record<string, ProbeState> {
    return Object.fromEntries([...this.#watched].filter(([, watched]) => watched.uid === uid).map(([id, { state }]) => [id, state]));
  }

  /** A pod that ends is not restarted by a probe. Whether it is ready is asked until its containers have ended: whoever still has connections to it wants to know. */
  settle(uid: string): void {
    for (const watched of this.#watched.values()) if (watched.uid === uid) watched.settle();
  }

  forget(uid: string): void {
    for (const [id, watched] of this.#watched) if (watched.uid === uid) this.#forget(id);
  }

  dispose(): void {
    for (const id of [...this.#watched.keys()]) this.#forget(id);
  }

  #forget(id: string): void {
    void this.#watched.get(id)?.dispose();
    this.#watched.delete(id);
  }

  #watch(pod: Pod, sandbox: PodSandbox, { container, role }: NamedContainer, instance: ObservedContainer): Watched {
    const { runtime, clock, events, onChange } = this.#parts;
    const uid = pod.metadata.uid ?? '';
    const target: Target = { runtime, containerId: instance.id, container, podIp: sandbox.ip, ...(sandbox.portMap && { portMap: sandbox.portMap }), ...(runtime.inside?.connect && { connect: runtime.inside.connect }) };
    const about: ObjectReference = {
      apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, ...(pod.metadata.namespace && { namespace: pod.metadata.namespace }), uid,
      fieldPath: `spec.${role === 'sidecar' ? 'initContainers' : 'containers'}{${container.name}}`,
    };
    // An agent that was restarted takes the word of the one before it, so that adoption disturbs nobody.
    const told = role === 'sidecar' ? pod.status?.initContainerStatuses : pod.status?.containerStatuses;
    const before = told?.find(({ containerID }) => containerID === `slipway://${instance.id}`);
    const watched: Watched = {
      uid,
      state: { started: !container.startupProbe || before?.started === true, ready: !container.readinessProbe || before?.ready === true },
      settle: () => {
        for (const kind of ['startup', 'liveness'] as const) stop(kind);
      },
      ...toDisposable(() => {
        for (const kind of ['startup', 'readiness', 'liveness'] as const) stop(kind);
      }),
    };
    const stopped = new Set<ProbeKind>();
    const timers = new Map<ProbeKind, Disposable>();
    const stop = (kind: ProbeKind) => {
      stopped.add(kind);
      void timers.get(kind)?.dispose();
    };
    const change = (state: ProbeState) => {
      const { started, ready, failed } = watched.state;
      if (state.started === started && state.ready === ready && state.failed === failed) return;
      watched.state = state;
      onChange(uid);
    };

    const run = (kind: ProbeKind, probe: Probe, done: (count: ProbeCount) => boolean) => {
      let count = initialCount(kind, watched.state.ready);
      let tries = 0;
      const step = async () => {
        if (stopped.has(kind)) return;
        const began = clock.now().getTime();
        const outcome = await perform(probe, target, timeoutMs(probe));
        if (stopped.has(kind)) return;
        const { afterMs, counts } = nextTry(kind, probe, ++tries, outcome.ok || count.last === 'success');
        if (outcome.ok || counts) {
          count = counted(count, probe, outcome.ok ? 'success' : 'failure');
          if (!outcome.ok) events.warning(about, 'Unhealthy', `${kind[0]?.toUpperCase()}${kind.slice(1)} probe failed: ${outcome.message}`);
          if (done(count)) return;
        }
        // The period counts from start to start, as a ticker does.
        timers.set(kind, clock.after(Math.max(0, began + afterMs - clock.now().getTime()), () => void step()));
      };
      const due = Date.parse(instance.startedAt ?? instance.createdAt) + (probe.initialDelaySeconds ?? 0) * 1000 - clock.now().getTime();
      timers.set(kind, clock.after(Math.max(0, due), () => void step()));
    };

    const afterStart = () => {
      const { readinessProbe, livenessProbe } = container;
      if (readinessProbe) {
        run('readiness', readinessProbe, ({ result }) => {
          change({ ...watched.state, ready: result === 'success' });
          return false;
        });
      }
      if (livenessProbe) {
        run('liveness', livenessProbe, ({ result }) => {
          if (result === 'failure') change({ ...watched.state, failed: 'liveness' });
          return result === 'failure';
        });
      }
    };
    const { startupProbe } = container;
    if (!startupProbe || watched.state.started) afterStart();
    else {
      run('startup', startupProbe, (count) => {
        if (count.result === 'success') {
          change({ ...watched.state, started: true });
          afterStart();
          return true;
        }
        if (!exhausted(count, startupProbe)) return false;
        change({ ...watched.state, failed: 'startup' });
        return true;
      });
    }
    return watched;
  }
}
