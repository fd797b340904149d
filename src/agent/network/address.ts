/** What stands behind a listener of ours: its endpoints, who may wait for them, and who may reach them. */
import { Chooser } from './chooser.ts';
import { Held } from './held.ts';
import type { Listener, Target } from './service-table.ts';

export interface AddressRules {
  /** Somebody connected to this idle service (`namespace/name`). */
  needPods?(service: string, portName: string): void;
  /** Whether network policies let this client reach the endpoint; absent: everybody may. */
  permits?(client: string, to: Target, protocol: 'TCP' | 'UDP'): boolean;
}

const callEveryMs = 2_500;

export class ServiceAddress {
  readonly chooser: Chooser;
  readonly held = new Held();
  readonly protocol: 'TCP' | 'UDP';
  readonly #rules: AddressRules;
  readonly #service: string;
  readonly #portName: string;
  #idle: boolean;
  #empty: boolean;
  #calling: NodeJS.Timeout | undefined;

  constructor({ service, portName, protocol, targets, affinitySeconds, idle = false }: Listener, rules: AddressRules) {
    this.chooser = new Chooser(targets, affinitySeconds);
    this.protocol = protocol;
    this.#rules = rules;
    this.#service = service;
    this.#portName = portName;
    this.#idle = idle;
    this.#empty = targets.length === 0;
  }

  update({ targets, affinitySeconds, idle = false }: Listener): void {
    this.chooser.update(targets, affinitySeconds);
    this.#empty = targets.length === 0;
    // A service that was woken is idle no more before its first pod is ready: who waits goes on waiting.
    this.#idle = idle || (this.#empty && this.held.size > 0);
    if (!this.#empty) this.held.release();
  }

  /** Endpoints for this client in the order in which to try them; waits for them if the service is idle. Empty: it is to be turned away. */
  async order(client: string, cancelled?: (listener: () => void) => void): Promise<Target[]> {
    if (this.#empty && this.#idle) {
      this.#call();
      const there = await this.held.wait(cancelled);
      if (this.held.size === 0) clearInterval(this.#calling);
      if (!there) return [];
    }
    return this.now(client);
  }

  /** Again and again while somebody waits: the call may have come too soon after another, or nobody was there to hear it. */
  #call(): void {
    const call = () => this.#rules.needPods?.(this.#service, this.#portName);
    call();
    clearInterval(this.#calling);
    this.#calling = setInterval(() => (this.#idle && this.held.size > 0 ? call() : clearInterval(this.#calling)), callEveryMs);
    this.#calling.unref();
  }

  /** The same without waiting. */
  now(client: string): Target[] {
    const { permits } = this.#rules;
    const order = this.chooser.order(client);
    return permits ? order.filter((target) => permits(client, target, this.protocol)) : order;
  }
}
