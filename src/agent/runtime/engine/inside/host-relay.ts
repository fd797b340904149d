/** Ports of the machine outside at an address inside. Who listens there is asked when a pod asks for the machine's name: nothing is done for those who never do. */
import type { Server } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Log } from '../../../../base/log.ts';
import { join, tcpListener } from '../../../network/tcp-relay.ts';

export interface HostRelayOptions {
  address: string;
  /** Its answer comes by `update`. */
  ask(): void;
  /** A connection to that port outside. */
  open(port: number): Duplex;
  log: Log;
}

/** A name is answered even if the agent is busy. */
const patienceMs = 1000;

export class HostRelay {
  readonly #options: HostRelayOptions;
  readonly #open = new Map<number, Server>();
  #waiting: (() => void)[] = [];
  #work: Promise<void> = Promise.resolve();

  constructor(options: HostRelayOptions) {
    this.#options = options;
  }

  /** Resolves when the ports of now are listened on. */
  refresh(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(late);
        this.#waiting = this.#waiting.filter((one) => one !== done);
        resolve();
      };
      const late = setTimeout(done, patienceMs);
      this.#waiting.push(done);
      if (this.#waiting.length === 1) this.#options.ask();
    });
  }

  update(ports: readonly number[]): Promise<void> {
    this.#work = this.#work.then(() => this.#apply(new Set(ports))).finally(() => {
      for (const done of this.#waiting) done();
    });
    return this.#work;
  }

  async #apply(wanted: ReadonlySet<number>): Promise<void> {
    const { address, open, log } = this.#options;
    for (const [port, server] of this.#open) {
      if (wanted.has(port)) continue;
      // Connections that are open stay.
      server.close();
      this.#open.delete(port);
    }
    for (const port of wanted) {
      if (this.#open.has(port)) continue;
      try {
        this.#open.set(port, await tcpListener(address, port, (client) => join(client, open(port))));
      } catch (error) {
        log.warn('a port of this machine is not relayed', { port, error });
      }
    }
  }
}
