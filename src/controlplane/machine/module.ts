// Reads: nodes.
// Writes: nothing; the agents it starts register their nodes and run their pods.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { findCgroupScope, type CgroupScope } from '../../agent/holder/cgroup-scope.ts';
import { startEgressProxy } from '../../agent/network/egress-proxy.ts';
import { nodes, type Node } from '../../api/kinds/core.ts';
import { clusterDomain, serviceNetwork, systemAddresses, systemServices } from '../../api/well-known.ts';
import type { AgentConfig } from '../../protocol/agent.ts';
import { homeLayout } from '../../protocol/home.ts';
import type { Module, ModuleContext } from '../kernel/boot/module.ts';
import { AgentPorts } from './agent-ports.ts';
import { runAgent } from './agent-process.ts';
import type { ChosenRuntime } from './choose-runtime.ts';
import { dialSocketOf, openGround, type Ground } from './ground.ts';
import { egressPort, nodeName, podCidrOf } from './plan.ts';

export interface MachineDependencies {
  home: string;
  runDirectory: string;
  runtime: ChosenRuntime;
  bundles: string;
  /** Node.js that runs agents, shims and the tools image. */
  nodeBinary: string;
  caCertificate(): string;
  sockets: { api: string; registry: string; egress: string };
  /** A token for `system:node:<name>`. */
  nodeToken(name: string): string;
  /** How many nodes this machine plays; default 1. */
  nodeCount?: number;
}

export interface MachineModule extends Module {
  /** The first node's way for ports of this machine. */
  readonly ports: AgentPorts;
  /** Where processes that reach pods are started; there once the module has started. */
  ground(): Ground;
}

export function machineModule(deps: MachineDependencies): MachineModule {
  let ground: Ground | undefined;
  const ports = new AgentPorts();
  return {
    ports,
    name: 'machine',
    dependsOn: ['pod', 'service'],
    kinds: [],
    ground: () => {
      if (!ground) throw new Error('the machine has not started yet');
      return ground;
    },
    async start(context) {
      const { scope, log } = context;
      // What an earlier agent wrote says nothing of how pods of an engine are reached now.
      const since = deps.runtime.name === 'engine' ? Math.floor(context.clock.now().getTime() / 1000) * 1000 : 0;
      await mkdir(path.join(deps.home, homeLayout.logs), { recursive: true, mode: 0o700 });
      scope.own(await startEgressProxy(deps.sockets.egress));
      const cgroups = deps.runtime.name === 'sandbox' ? await findCgroupScope() : undefined;
      if (cgroups) log.info('limits of pods', { how: cgroups.detail });
      ground = scope.own(await openGround({ runtime: deps.runtime, runDirectory: deps.runDirectory, nodes: path.join(deps.home, homeLayout.nodes), log }));
      const names = Array.from({ length: deps.nodeCount ?? 1 }, (_, index) => nodeName(index + 1));
      for (const [index, name] of names.entries()) await startNode(deps, context, ground, index + 1, name, cgroups, index === 0 ? ports : undefined);
      await untilReady(context, names, since);
    },
  };
}

async function startNode(deps: MachineDependencies, { clock, log, scope }: ModuleContext, ground: Ground, index: number, name: string, cgroups: CgroupScope | undefined, ports: AgentPorts | undefined): Promise<void> {
  const podCidr = podCidrOf(index);
  const place = await ground.addNode(index, podCidr);
  const directory = path.join(deps.home, homeLayout.nodes, name);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const config: AgentConfig = {
    nodeName: name,
    runtime: deps.runtime.name,
    ...(deps.runtime.name === 'engine' && { engine: { ...deps.runtime.engine, dialSocket: index === 1 ? dialSocketOf(deps.runDirectory) : path.join(deps.runDirectory, `${name}.dial`) } }),
    directory,
    socket: path.join(deps.runDirectory, `${name}.sock`),
    apiSocket: deps.sockets.api,
    registrySocket: deps.sockets.registry,
    egressSocket: deps.sockets.egress,
    caCertificate: deps.caCertificate(),
    token: deps.nodeToken(name),
    network: {
      podCidr,
      serviceCidr: serviceNetwork,
      clusterDns: systemAddresses.dns,
      clusterDomain,
      nodeIp: place.ip,
      apiService: `${systemServices.api.address}:${systemServices.api.port}`,
      registryService: `${systemServices.registry.address}:${systemServices.registry.port}`,
      hostAddress: ground.hostAddress,
      ...(process.env.SLIPWAY_SERVICE_PROXY === 'relay' && { proxy: 'relay' as const }),
      egressProxy: ground.realEgress ? '' : `${systemAddresses.egress}:${egressPort}`,
    },
    bundles: deps.bundles,
    nodeBinary: deps.nodeBinary,
  };
  scope.own(runAgent({ config, command: (argv) => (cgroups ? cgroups.command(place.command(argv)) : place.command(argv)), environment: cgroups?.environment ?? {}, kill: ground.kill, onChannel: ports && ((child, open) => (open ? ports.connected(child) : ports.disconnected(child))), identityFile: path.join(directory, 'agent.json'), logFile: path.join(deps.home, homeLayout.logs, `${name}.log`), clock, log }));
}

/** A platform whose pods cannot run is not ready. `since`: told at this time or later. */
async function untilReady({ informers, scope }: ModuleContext, names: readonly string[], since: number): Promise<void> {
  const known = informers.for(nodes);
  await known.synced;
  const waiting = new Set(names);
  await new Promise<void>((resolve, reject) => {
    const look = (node: Node) => {
      if (node.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True' && Date.parse(one.lastHeartbeatTime ?? '') >= since)) waiting.delete(node.metadata.name);
      if (waiting.size === 0) resolve();
    };
    const listening = scope.own(known.onChange(({ type, object }) => type !== 'deleted' && look(object)));
    const limit = setTimeout(() => reject(new Error(`node ${[...waiting].join(', ')} did not become ready in ${patienceMs / 1000} s; its log is in the folder "log" of the home`)), patienceMs);
    scope.defer(() => {
      clearTimeout(limit);
      void listening.dispose();
      reject(new Error('stopped before its nodes were ready'));
    });
    for (const node of known.list()) look(node);
  });
}

const patienceMs = 60_000;
