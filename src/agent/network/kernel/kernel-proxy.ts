/**
 * Service addresses where the kernel can translate them: rules for every service with endpoints; the proxy of our own for the rest, which are the addresses that
 * lead to sockets of the control plane and those of idle services. Should the kernel refuse a rule, all of them are our own proxy's from then on.
 */
import type { Log } from '../../../base/log.ts';
import { AddressProxy, type ServiceProxy, type ServiceProxyOptions } from '../service-proxy.ts';
import { listenersFor, type Listener, type ServiceTable } from '../service-table.ts';
import { KernelTable } from './nft.ts';
import { serviceRules, UdpZones } from './service-rules.ts';

export interface KernelProxyOptions extends Omit<ServiceProxyOptions, 'mode' | 'ports'> {
  /** `nft`. */
  program: string;
  serviceCidr: string;
  podCidr: string;
  node: string;
  log: Log;
}

const tableName = 'slipway-services';

export function kernelProxy(options: KernelProxyOptions): ServiceProxy {
  return new KernelProxy(options);
}

class KernelProxy implements ServiceProxy {
  readonly #options: KernelProxyOptions;
  readonly #table: KernelTable;
  readonly #zones = new UdpZones();
  readonly #own: AddressProxy;
  #refused = false;
  /** The newest table waits for the one under way; those in between are passed over. */
  #next: ServiceTable | undefined;
  #work: Promise<void> | undefined;

  constructor(options: KernelProxyOptions) {
    this.#options = options;
    this.#table = new KernelTable(options.program, tableName);
    this.#own = new AddressProxy({ ...options, mode: 'cluster' });
  }

  update(table: ServiceTable): Promise<void> {
    this.#next = table;
    return (this.#work ??= this.#catchUp().finally(() => (this.#work = undefined)));
  }

  address(clusterIP: string, port: number): { host: string; port: number } {
    return { host: clusterIP, port };
  }

  /** The rules stay: connections go on, and the next agent takes them over. */
  dispose(): void {
    this.#own.dispose();
  }

  async #catchUp(): Promise<void> {
    for (let table = this.#next; table; table = this.#next) {
      this.#next = undefined;
      await this.#apply(listenersFor(table, 'cluster', this.#options.node));
    }
  }

  async #apply(listeners: Map<string, Listener>): Promise<void> {
    if (this.#refused) return this.#own.follow(listeners);
    const { serviceCidr, podCidr, log } = this.#options;
    const ours = new Map([...listeners].filter(([, { targets }]) => targets.length === 0));
    const kernels = new Map([...listeners].filter(([key]) => !ours.has(key)));
    try {
      await this.#table.set(serviceRules(kernels.values(), this.#zones, { serviceCidr, podCidr }));
    } catch (error) {
      log.error('the kernel refuses the rules of services: they are relayed from now on', { error });
      this.#refused = true;
      await this.#table.remove().catch(() => undefined);
      return this.#own.follow(listeners);
    }
    await this.#own.follow(ours, kernels);
  }
}
