/** Keeps the Node and its Lease: registration at start, a heartbeat every ten seconds, the status when it changes. */
import { equalJson } from '../../api/json.ts';
import { leases, type Lease } from '../../api/kinds/cluster.ts';
import { nodes, type Node } from '../../api/kinds/core.ts';
import { toMicroTime } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import type { Clock } from '../../base/clock.ts';
import { Scope, type Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import type { AgentConfig } from '../../protocol/agent.ts';
import type { EvictionManager } from '../eviction/eviction-manager.ts';
import type { Threshold } from '../eviction/threshold.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { machineFacts } from './machine.ts';
import { nodeObject, nodeStatus, reserveOf, type DriverFacts } from './node-object.ts';

export interface NodeParts {
  client: Client;
  config: AgentConfig;
  runtime: Runtime;
  thresholds: readonly Threshold[];
  pressure: Pick<EvictionManager, 'conditions' | 'onChange'>;
  clock: Clock;
  log: Log;
  /** The control plane has not answered for `abandonedMs`. */
  onAbandoned(): void;
}

const leaseNamespace = 'kube-node-lease';
const leaseSeconds = 40;
const renewMs = 10_000;
/** While the API does not answer, it is asked again this soon. */
const retryMs = 2_000;
const statusMs = 60_000;
/** The status is written at least this often, changed or not. */
const statusAtLeastMs = 5 * 60_000;
export const abandonedMs = 10 * 60_000;

export class NodeAgent implements Disposable {
  readonly #parts: NodeParts;
  readonly #scope = new Scope();
  #lastContact: number;
  #status: Node['status'];
  #statusWritten = 0;
  #registered = false;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    this.#lastContact = parts.clock.now().getTime();
  }

  /** Resolves once the node is registered and ready; goes on trying in the background if the API does not answer yet. */
  async start(): Promise<void> {
    const registered = await this.#attempt(() => this.#register());
    const tell = () => void this.#attempt(() => (this.#registered ? this.#report(true) : this.#register()));
    const watching = this.#parts.runtime.health?.onChange(tell);
    if (watching) this.#scope.own(watching);
    this.#scope.own(this.#parts.pressure.onChange(tell));
    this.#repeat(renewMs, () => (this.#registered ? this.#renew() : this.#register()), registered ? renewMs : retryMs);
    this.#repeat(statusMs, () => (this.#registered ? this.#report() : this.#register()));
  }

  dispose(): Promise<void> {
    return this.#scope.dispose();
  }

  async #register(): Promise<void> {
    const { client, config, runtime } = this.#parts;
    const wanted = nodeObject(config, await machineFacts(config.directory), driverOf(runtime));
    const { name } = wanted.metadata;
    const found = await client.get(nodes, { name }).catch((error: unknown) => {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    });
    if (!found) await client.create(nodes, wanted);
    // Labels and taints that users set stay.
    else await client.patch(nodes, { name }, 'merge', { metadata: { labels: wanted.metadata.labels, annotations: wanted.metadata.annotations }, spec: wanted.spec });
    this.#status = found?.status;
    await Promise.all([this.#report(true), this.#renew()]);
    this.#registered = true;
  }

  async #report(always = false): Promise<void> {
    const { client, config, runtime, clock, thresholds, pressure } = this.#parts;
    const now = clock.now();
    const machine = await machineFacts(config.directory);
    const next = nodeStatus({
      config, machine, now, driver: driverOf(runtime), images: await runtime.images.list(), pressure: pressure.conditions, reserve: reserveOf(thresholds, machine), before: this.#status, trouble: runtime.health?.trouble(),
    });
    const due = always || now.getTime() - this.#statusWritten >= statusAtLeastMs;
    if (!due && equalJson(essence(this.#status), essence(next))) return;
    try {
      // Conditions merge by type: others may have their own. So do addresses, which are all ours.
      await client.patch(nodes, { name: config.nodeName, subresource: 'status' }, 'strategic', { status: { ...next, ...(next.addresses && { addresses: [{ $patch: 'replace' }, ...next.addresses] }) } });
    } catch (error) {
      // Deleted under us: it belongs there for as long as this agent runs.
      if (isStatusError(error, 'NotFound')) this.#registered = false;
      throw error;
    }
    this.#status = next;
    this.#statusWritten = now.getTime();
  }

  async #renew(): Promise<void> {
    const { client, config, clock } = this.#parts;
    const now = clock.now();
    const at = { namespace: leaseNamespace, name: config.nodeName };
    const spec = { holderIdentity: config.nodeName, leaseDurationSeconds: leaseSeconds, renewTime: toMicroTime(now) };
    try {
      await client.patch(leases, at, 'merge', { spec });
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
      const lease: Lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { ...at }, spec };
      await client.create(leases, lease);
    }
    this.#lastContact = now.getTime();
  }

  /** Runs `task` every `ms`; a failure is tried again sooner and never ends the series. */
  #repeat(ms: number, task: () => Promise<void>, firstMs = ms): void {
    const { clock } = this.#parts;
    let timer: Disposable | undefined;
    const next = (afterMs: number) => {
      if (this.#scope.disposed) return;
      timer = clock.after(afterMs, () => void this.#attempt(task).then((ok) => next(ok ? ms : retryMs)));
    };
    this.#scope.defer(() => void timer?.dispose());
    next(firstMs);
  }

  async #attempt(task: () => Promise<void>): Promise<boolean> {
    const { clock, log, onAbandoned, config } = this.#parts;
    try {
      await task();
      return true;
    } catch (error) {
      const silentMs = clock.now().getTime() - this.#lastContact;
      log.warn('the control plane does not answer', { node: config.nodeName, error, silentSeconds: Math.round(silentMs / 1000) });
      if (silentMs >= abandonedMs && !this.#scope.disposed) onAbandoned();
      return false;
    }
  }
}

function driverOf(runtime: Runtime): DriverFacts {
  return { name: `slipway-${runtime.name}`, version: runtime.version, capabilities: runtime.capabilities };
}

/** What makes a write worth it: not the heartbeat's time nor every freed byte. */
function essence(status: Node['status']): unknown {
  return status && { ...status, conditions: (status.conditions ?? []).map(({ type, status: value, reason }) => [type, value, reason]) };
}
