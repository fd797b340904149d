/** Holds the loopback ports that lead to pods: bound here, in this machine's network, and handed to a node, which is where pods can be reached. */
import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import { pods as podsResource, services, type Pod, type Service } from '../../api/kinds/core.ts';
import { equalJson } from '../../api/json.ts';
import { hostPortsOf } from '../../api/pod.ts';
import type { Disposable } from '../../base/disposable.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import { ifFound } from '../../client/if-found.ts';
import type { PublishedPort } from '../../protocol/agent.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../kernel/reconcile/controller.ts';
import { balanced, balancerStatus, hostPorts, planPublished, servicePorts, type WantedPort } from './published-plan.ts';

/** A node's agent, as it is seen from here. */
export interface PortCarrier {
  /** Serves a listening socket until it is withdrawn; false while there is no agent. The socket is the agent's from then on. */
  publish(port: PublishedPort, socket: Server | Socket): boolean;
  withdraw(key: string): void;
  /** An agent is there that serves nothing yet. */
  onReady(listener: () => void): Disposable;
}

/** A port that somebody else holds is looked at again. */
const againMs = 15_000;
/** An agent that was just killed may hold it a moment longer: tried so often before it is told of. */
const quietTries = 10;
const quietMs = 100;
const everything = 'all';

export function startPublishedController({ client, informers, clock, log, scope }: ModuleContext, carrier: PortCarrier): void {
  const recorder = scope.own(eventRecorder(client, 'service-controller', clock));
  const known = informers.for(services);
  const knownPods = informers.for(podsResource);
  const open = new Map<string, WantedPort>();
  /** Why a port does not answer, and what was told of it. */
  let failed = new Map<string, string>();
  let told = new Map<string, string>();
  let ready = false;
  const loop = scope.own(controller({ name: 'published-ports', clock, log, reconcile }));
  scope.own(known.onChange(({ object, previous }) => {
    if (concerns(object) || (previous && concerns(previous))) loop.enqueue(everything);
  }));
  scope.own(knownPods.onChange(({ object }) => {
    if (hostPortsOf(object).length > 0) loop.enqueue(everything);
  }));
  scope.own(carrier.onReady(() => {
    ready = true;
    open.clear();
    loop.enqueue(everything);
  }));

  async function reconcile(): Promise<ReconcileResult> {
    await Promise.all([known.synced, knownPods.synced]);
    const all = known.list().filter(concerns);
    const allPods = knownPods.list().filter((pod) => hostPortsOf(pod).length > 0);
    const plan = planPublished(all, allPods, new Map([...open.values()].map(({ key, owner }) => [key, owner])));
    for (const [key, held] of open) {
      const wanted = plan.ports.get(key);
      if (wanted && equalJson(wanted, held)) continue;
      carrier.withdraw(key);
      open.delete(key);
    }
    failed = new Map(plan.conflicts.map(({ wanted, holder }) => [nameOf(wanted), `${holder} has it`]));
    if (ready) for (const [key, wanted] of plan.ports) if (!open.has(key)) await publish(wanted);
    for (const pod of allPods) tellUnavailable(pod, hostPorts(pod), 'the pod');
    for (const service of all) await tell(service);
    // A port that answered meanwhile is told of again.
    told = new Map(failed);
    return failed.size > 0 ? { afterMs: againMs } : undefined;
  }

  async function publish(wanted: WantedPort): Promise<void> {
    try {
      const socket = await listen(wanted);
      if (carrier.publish(wanted, socket)) open.set(wanted.key, wanted);
      else socket.close();
    } catch (error) {
      failed.set(nameOf(wanted), explain(error as NodeJS.ErrnoException));
    }
  }

  /** Of the ports that `object` wants those that do not answer, by key. */
  function tellUnavailable(object: Service | Pod, ports: readonly WantedPort[], what: string): Map<string, string> {
    const unavailable = new Map<string, string>();
    for (const wanted of ports) {
      const why = failed.get(nameOf(wanted));
      if (why === undefined) continue;
      unavailable.set(wanted.key, why);
      if (told.get(nameOf(wanted)) === why) continue;
      recorder.warning(object, wanted.why === 'LoadBalancer' ? 'SyncLoadBalancerFailed' : wanted.why === 'HostPort' ? 'HostPortConflict' : 'PortNotPublished', `${wanted.key} of this machine does not lead to ${what}: ${why}`);
    }
    return unavailable;
  }

  async function tell(service: Service): Promise<void> {
    const unavailable = tellUnavailable(service, servicePorts(service), 'the service');
    if (!ready) return;
    const status = balancerStatus(service, unavailable);
    if (equalJson(service.status?.loadBalancer ?? {}, status)) return;
    const { namespace, name } = service.metadata;
    await ifFound(client.patch(services, { namespace, name, subresource: 'status' }, 'merge', { status: { loadBalancer: { ingress: status.ingress ?? null } } }));
    if (status.ingress) recorder.normal(service, 'EnsuredLoadBalancer', `Ensured load balancer at ${status.ingress[0]?.ip}`);
  }
}

const nameOf = (wanted: WantedPort) => `${wanted.key} ${wanted.owner}`;

/** Services that have or had something to do with ports of this machine. */
function concerns(service: Service): boolean {
  const { spec, status } = service;
  return balanced(service) || (status?.loadBalancer?.ingress?.length ?? 0) > 0 || (spec.ports ?? []).some(({ nodePort }) => nodePort) || (spec.externalIPs ?? []).some((ip) => ip.startsWith('127.'));
}

async function listen(port: WantedPort): Promise<Server | Socket> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await (port.protocol === 'UDP' ? bindUdp(port) : listenTcp(port));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || tries >= quietTries) throw error;
      await new Promise((resolve) => setTimeout(resolve, quietMs));
    }
  }
}

function listenTcp({ host, port }: WantedPort): Promise<Server> {
  const server = createServer((early) => early.resetAndDestroy());
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen({ host, port, exclusive: true }, () => resolve(server));
  });
}

function bindUdp({ host, port }: WantedPort): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve, reject) => {
    socket.once('error', reject).bind({ address: host, port, exclusive: true }, () => resolve(socket));
  });
}

function explain({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'another program listens there';
  if (code === 'EACCES') return 'ports below 1024 need a permission that this user does not have (sysctl net.ipv4.ip_unprivileged_port_start)';
  return message;
}
