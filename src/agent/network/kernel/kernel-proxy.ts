/**
 * Service addresses where the kernel can translate them: rules for every service with endpoints; the proxy of our own for the rest, which are the addresses that
 * lead to sockets of the control plane and those of idle services. While rules cannot be made (the kernel refuses one, `nft` is gone) all of them are our own proxy's;
 * it is tried again from time to time.
 */
import type { Log } from '../../../base/log.ts';
import { AddressProxy, type ServiceProxy, type ServiceProxyOptions } from '../service-proxy.ts';
import { listenersFor, type Listener, type ServiceTable } from '../service-table.ts';
import { KernelTable } from './nft.ts';
import { serviceRules, UdpZones } from './service-rules.ts';

/** Told when the way of connections changes: whether the rules are in force, and why not. */
export type TellOfRules = (change: { inForce: true } | { inForce: false; why: string; /** Rules of before are still there, with the endpoints of then. */ stale: boolean }) => void;

export interface KernelProxyOptions extends Omit<ServiceProxyOptions, 'mode' | 'ports'> {
  /** `nft`. */
  program: string;
  serviceCidr: string;
  podCidr: string;
  node: string;
  tell?: TellOfRules;
  /** After how long refused rules are tried again, ms; doubled each time they are refused again. */
  againMs?: number;
  log: Log;
}

const defaultAgainMs = 10_000;
const longestAgainMs = 300_000;
const tableName = 'slipway-services';

export function kernelProxy(options: KernelProxyOptions): ServiceProxy {
  return new KernelProxy(options);
}

class KernelProxy implements ServiceProxy {
  readonly #options: KernelProxyOptions;
  readonly #table: KernelTable;
  readonly #zones = new UdpZones();
  readonly #own: AddressProxy;
  /** Rules were refused, `times` in a row. */
  #refused: { times: number; again: NodeJS.Timeout } | undefined;
  #retry = false;
  #latest: ServiceTable = [];
  /** The newest table waits for the one under way; those in between are passed over. */
  #next: ServiceTable | undefined;
  #work: Promise<void> | undefined;

  constructor(options: KernelProxyOptions) {
    this.#options = options;
    this.#table = new KernelTable(options.program, tableName);
    this.#own = new AddressProxy({ ...options, mode: 'cluster' });
  }

  update(table: ServiceTable): Promise<void> {
    this.#latest = table;
    return this.#take(table);
  }

  #take(table: ServiceTable): Promise<void> {
    this.#next = table;
    return (this.#work ??= this.#catchUp().finally(() => (this.#work = undefined)));
  }

  address(clusterIP: string, port: number): { host: string; port: number } {
    return { host: clusterIP, port };
  }

  /** The rules stay: connections go on, and the next agent takes them over. */
  dispose(): void {
    clearTimeout(this.#refused?.again);
    this.#own.dispose();
  }

  async #catchUp(): Promise<void> {
    for (let table = this.#next; table; table = this.#next) {
      this.#next = undefined;
      await this.#apply(listenersFor(table, 'cluster', this.#options.node));
    }
  }

  async #apply(listeners: Map<string, Listener>): Promise<void> {
    if (this.#refused && !this.#retry) return this.#own.follow(listeners);
    this.#retry = false;
    const { serviceCidr, podCidr, log, tell } = this.#options;
    const ours = new Map([...listeners].filter(([, { targets }]) => targets.length === 0));
    const kernels = new Map([...listeners].filter(([key]) => !ours.has(key)));
    try {
      await this.#table.set(serviceRules(kernels.values(), this.#zones, { serviceCidr, podCidr }));
    } catch (error) {
      await this.#relay(listeners, error as Error);
      return;
    }
    if (this.#refused) {
      this.#refused = undefined;
      log.info('service addresses are translated by the kernel again');
      tell?.({ inForce: true });
    }
    await this.#own.follow(ours, kernels);
  }

  async #relay(listeners: Map<string, Listener>, error: Error): Promise<void> {
    const { log, tell, againMs = defaultAgainMs } = this.#options;
    const stale = await this.#table.remove().then(() => false, () => true);
    const times = (this.#refused?.times ?? 0) + 1;
    if (times === 1) {
      log.error('the rules of services cannot be made: they are relayed', { error, stale });
      tell?.({ inForce: false, why: error.message, stale });
    }
    const again = setTimeout(() => {
      this.#retry = true;
      void this.#take(this.#latest).catch((failure: unknown) => log.warn('cannot follow the services', { error: failure }));
    }, Math.min(longestAgainMs, againMs * 2 ** (times - 1)));
    this.#refused = { times, again: again.unref() };
    await this.#own.follow(listeners);
  }
}
