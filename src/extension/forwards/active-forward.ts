/** One port-forward: a local port that stays while the pods behind it come and go. */
import type { Duplex } from 'node:stream';
import { pods, services, type Pod, type Service } from '../../api/kinds/core.ts';
import { listenLocally, type LocalListener } from '../../client/local-listener.ts';
import type { Session } from '../connections/session.ts';
import { ObjectList } from '../explorer/object-list.ts';
import { targetOf, type ForwardSubject, type ForwardTarget } from './forward-plan.ts';

export type ForwardState = { type: 'open'; pod: string } | { type: 'waiting'; why: 'NoPod' | 'NoService' | 'NoPort' | 'NotConnected' };

/** A connection waits so long for a pod that takes the place of the one that went. */
const patienceMs = 20_000;
/** A pod that refuses although it should serve is asked again at the next change, or after this long. */
const againMs = 1_000;

class NobodyThere extends Error {}

export class ActiveForward {
  readonly id: string;
  readonly cluster: string;
  readonly subject: ForwardSubject;
  readonly #session: Session;
  readonly #changed: () => void;
  readonly #listening: { dispose(): unknown };
  /** Connections that wait for a change. */
  readonly #waiting = new Set<() => void>();
  #lists: { pods: ObjectList<Pod>; services: ObjectList<Service> | undefined } | undefined;
  #over: unknown;
  #listener: LocalListener | undefined;
  #target: ForwardTarget = { why: 'NoPod' };
  #problem: string | undefined;
  #told: string | undefined;
  #disposed = false;

  constructor(id: string, session: Session, subject: ForwardSubject, changed: () => void) {
    this.id = id;
    this.cluster = session.cluster;
    this.subject = subject;
    this.#session = session;
    this.#changed = changed;
    this.#listening = session.onDidChange(() => this.#follow());
    this.#follow();
  }

  /** Rejects if the port is taken. */
  async listen(port: number): Promise<void> {
    // That there is no pod its state says.
    this.#listener = await listenLocally(port, () => this.#dial(), (error) => error instanceof NobodyThere || this.#tell(error.message));
    if (this.#disposed) await this.#listener.dispose();
  }

  get localPort(): number {
    return this.#listener?.localPort ?? 0;
  }

  get state(): ForwardState {
    if (!this.#lists) return { type: 'waiting', why: 'NotConnected' };
    return this.#target.pod === undefined ? { type: 'waiting', why: this.#target.why } : { type: 'open', pod: this.#target.pod };
  }

  /** What the last connection failed with. */
  get problem(): string | undefined {
    return this.#problem;
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#listening.dispose();
    this.#close();
    this.#wake();
    await this.#listener?.dispose();
  }

  #follow(): void {
    const { connection, cluster } = this.#session;
    const mine = cluster === this.cluster ? connection : undefined;
    if (this.#over === mine) return;
    this.#close();
    this.#over = mine;
    if (mine) {
      const { namespace, kind } = this.subject;
      const changed = () => this.#look();
      this.#lists = { pods: new ObjectList(this.#session, pods, namespace, changed), services: kind === 'Service' ? new ObjectList(this.#session, services, namespace, changed) : undefined };
    }
    this.#look();
  }

  #look(): void {
    const before = this.#target;
    if (this.#lists) this.#target = targetOf(this.subject, { pods: this.#lists.pods.items(), services: this.#lists.services?.items() ?? [] }, before.pod);
    if (before.pod !== this.#target.pod) this.#problem = undefined;
    this.#wake();
    // Most changes are about other pods, and a list that somebody walks through stays as it is.
    const told = JSON.stringify([this.state, this.#problem]);
    if (told === this.#told) return;
    this.#told = told;
    this.#changed();
  }

  /** To the pod that serves now; during a change of pods to the one that comes. */
  async #dial(): Promise<Duplex> {
    const until = Date.now() + patienceMs;
    let failure: Error | undefined;
    while (!this.#disposed) {
      const { connection } = this.#session;
      const { pod, port } = this.#target as { pod?: string; port: number };
      if (connection && this.#over === connection && pod !== undefined) {
        try {
          return this.#watched(await connection.dial({ namespace: this.subject.namespace, pod, port }));
        } catch (error) {
          failure = error as Error;
        }
      }
      if (Date.now() >= until) break;
      await this.#change(failure ? againMs : until - Date.now());
    }
    throw failure ?? new NobodyThere();
  }

  /** A connection that ends well shows that what went wrong before is over. */
  #watched(remote: Duplex): Duplex {
    remote.once('close', () => !remote.errored && this.#tell(undefined));
    return remote;
  }

  #tell(problem: string | undefined): void {
    if (this.#problem === problem || this.#disposed) return;
    this.#problem = problem;
    this.#told = JSON.stringify([this.state, problem]);
    this.#changed();
  }

  #change(atMost: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, atMost);
      this.#waiting.add(done);
    });
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }

  #close(): void {
    this.#lists?.pods.dispose();
    this.#lists?.services?.dispose();
    this.#lists = undefined;
  }
}
