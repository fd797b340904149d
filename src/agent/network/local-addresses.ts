/** Addresses of others that this node answers itself: as long as it relays a service's external addresses they are local ones here, since only those can be listened on. */
import { run } from '../runtime/run.ts';
import { systemEnvironment } from '../runtime/system-path.ts';

/** Marks routes as ours (rtnetlink(7), a number that no routing daemon uses), so that those of an agent before can be told from others. */
const routeProtocol = '207';

export class LocalAddresses {
  readonly #taken = new Set<string>();
  /** One `ip` at a time; what an agent before left is taken away first. */
  #work: Promise<unknown>;

  constructor() {
    this.#work = this.#ip('route', 'flush', 'table', 'local', 'proto', routeProtocol).catch(() => undefined);
  }

  /** Rejects with what `ip` says. */
  take(address: string): Promise<void> {
    return this.#next(async () => {
      await this.#ip('route', 'replace', 'local', `${address}/32`, 'dev', 'lo', 'proto', routeProtocol);
      this.#taken.add(address);
    });
  }

  /** Gives all others back. */
  keep(addresses: ReadonlySet<string>): Promise<void> {
    return this.#next(async () => {
      for (const address of this.#taken) {
        if (addresses.has(address)) continue;
        this.#taken.delete(address);
        await this.#ip('route', 'del', 'local', `${address}/32`, 'dev', 'lo', 'proto', routeProtocol).catch(() => undefined);
      }
    });
  }

  #next(step: () => Promise<void>): Promise<void> {
    const done = this.#work.then(step);
    this.#work = done.catch(() => undefined);
    return done;
  }

  #ip(...words: string[]): Promise<string> {
    return run(['ip', ...words], { env: systemEnvironment });
  }
}
