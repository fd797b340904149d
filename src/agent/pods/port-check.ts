/**
 * On nodes whose pods share this machine's network every container port is another port, told in `PORT`.
 * An app that listens elsewhere works for nobody: this finds out and says so in a condition of the pod.
 */
import { connect } from 'node:net';
import type { Pod } from '../../api/kinds/core.ts';
import type { Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { PodSandbox } from '../runtime/runtime.ts';
import type { NamedContainer, ObservedContainer, PodNotice } from './pod-view.ts';

export const portsCondition = 'PortsListening';

/** An app may take this long to listen. */
const patienceMs = 10_000;
const againMs = 5_000;
const connectMs = 1_000;

interface Watched extends Disposable {
  uid: string;
  listening: boolean | undefined;
  text: string;
}

export class PortCheck implements Disposable {
  readonly #clock: Clock;
  readonly #onChange: (uid: string) => void;
  readonly #watched = new Map<string, Watched>();

  constructor(clock: Clock, onChange: (uid: string) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  sync(pod: Pod, sandbox: PodSandbox, running: readonly { named: NamedContainer; instance: ObservedContainer }[]): void {
    const uid = pod.metadata.uid ?? '';
    const ids = new Set(running.map(({ instance }) => instance.id));
    for (const [id, watched] of this.#watched) if (watched.uid === uid && !ids.has(id)) this.#forget(id);
    if (!sandbox.portMap) return;
    for (const { named, instance } of running) {
      const ports = (named.container.ports ?? []).flatMap(({ containerPort, protocol }) => {
        const own = protocol === 'UDP' ? undefined : sandbox.portMap?.[containerPort];
        return own === undefined || own === containerPort ? [] : [{ containerPort, own }];
      });
      if (ports.length > 0 && !this.#watched.has(instance.id)) this.#watched.set(instance.id, this.#watch(uid, named.container.name, sandbox.ip, ports, instance));
    }
  }

  /** What the pod's condition says; nothing before it is known. */
  notice(uid: string): PodNotice | undefined {
    const all = [...this.#watched.values()].filter((watched) => watched.uid === uid && watched.listening !== undefined);
    if (all.length === 0) return undefined;
    const silent = all.filter(({ listening }) => !listening);
    if (silent.length === 0) return { type: portsCondition, status: 'True' };
    return { type: portsCondition, status: 'False', reason: 'PortIgnored', message: silent.map(({ text }) => text).join('; ') };
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

  #watch(uid: string, name: string, ip: string, ports: readonly { containerPort: number; own: number }[], instance: ObservedContainer): Watched {
    let timer: Disposable | undefined;
    let stopped = false;
    const [first] = ports;
    const watched: Watched = {
      uid,
      listening: undefined,
      text: `container "${name}" does not listen on port ${first?.own}, which stands for its port ${first?.containerPort} on this machine; let the app listen on the port that the variable PORT names`,
      dispose: () => {
        stopped = true;
        void timer?.dispose();
      },
    };
    const look = async () => {
      // One of several is enough: which of its ports an app serves first is its own affair.
      const answers = await Promise.all(ports.map(({ own }) => answersOn(ip, own)));
      if (stopped) return;
      const listening = answers.some(Boolean);
      if (listening !== watched.listening) {
        watched.listening = listening;
        this.#onChange(uid);
      }
      if (!listening) timer = this.#clock.after(againMs, () => void look());
    };
    const started = Date.parse(instance.startedAt ?? instance.createdAt);
    timer = this.#clock.after(Math.max(0, started + patienceMs - this.#clock.now().getTime()), () => void look());
    return watched;
  }
}

function answersOn(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: connectMs });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
