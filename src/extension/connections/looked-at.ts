/** Lists of one project that are kept true while somebody looks, over whichever connection the window has. */
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import { ObjectList } from '../explorer/object-list.ts';
import type { Session } from './session.ts';

/** Changes within this time are shown at once. */
const coalesceMs = 80;

/** Makes what is looked at, of lists it asks for. */
export type MakeLists<L> = (list: <T extends KubeObject>(of: Resource<T>) => ObjectList<T>) => L;

export class LookedAt<L extends { [key in keyof L]: { dispose(): void } }> {
  readonly #session: Session;
  readonly #namespace: string;
  readonly #make: MakeLists<L>;
  readonly #changed: () => void;
  readonly #cluster: string;
  #listening: { dispose(): unknown } | undefined;
  #over: unknown;
  #lists: L | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(session: Session, namespace: string, make: MakeLists<L>, changed: () => void) {
    this.#session = session;
    this.#namespace = namespace;
    this.#make = make;
    this.#changed = changed;
    this.#cluster = session.cluster;
  }

  /** `undefined` while the cluster cannot be had or nobody looks. */
  get lists(): L | undefined {
    return this.#lists;
  }

  look(visible: boolean): void {
    if (!visible) return this.dispose();
    this.#listening ??= this.#session.onDidChange(() => this.#follow());
    this.#follow();
  }

  dispose(): void {
    this.#listening?.dispose();
    this.#listening = undefined;
    this.#close();
  }

  #follow(): void {
    const { connection, cluster, state } = this.#session;
    const mine = cluster === this.#cluster ? connection : undefined;
    if (this.#over !== mine) this.#close();
    if (cluster === this.#cluster && state === 'idle') void this.#session.connect();
    if (mine && !this.#lists) {
      this.#over = mine;
      this.#lists = this.#make((of) => {
        const list = new ObjectList(this.#session, of, this.#namespace, () => this.#soon());
        void list.ready.then(() => this.#soon());
        return list;
      });
    }
    this.#changed();
  }

  #soon(): void {
    if (!this.#lists) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#changed();
    }, coalesceMs);
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const list of Object.values<{ dispose(): void }>(this.#lists ?? {})) list.dispose();
    this.#lists = undefined;
    this.#over = undefined;
  }
}
