/** A node's agent, put together: what a kubelet is to a real cluster. */
import { configMaps, pods, secrets, type Pod, type Service } from '../api/kinds/core.ts';
import type { ObjectReference } from '../api/meta.ts';
import { milliOf } from '../api/quantity.ts';
import type { Clock } from '../base/clock.ts';
import { Scope, type Disposable } from '../base/disposable.ts';
import type { Log } from '../base/log.ts';
import type { Client } from '../client/client.ts';
import { eventRecorder } from '../client/event-recorder.ts';
import type { Informer } from '../client/informer.ts';
import { informer } from '../client/informers.ts';
import { portMapAnnotation, type AgentConfig } from '../protocol/agent.ts';
import { ObjectCache } from './api-objects.ts';
import { environmentOf } from './env/environment-source.ts';
import type { AddressOf } from './env/service-environment.ts';
import { EvictionManager } from './eviction/eviction-manager.ts';
import { observeMachine } from './eviction/observe.ts';
import type { Observations } from './eviction/pressure-plan.ts';
import { imageCollector } from './node/image-collector.ts';
import { machineFacts } from './node/machine.ts';
import { NodeAgent } from './node/node-agent.ts';
import { reserveOf } from './node/node-object.ts';
import { readSettings } from './node/settings.ts';
import { credentialsFor } from './pods/credentials.ts';
import { ImagePuller } from './pods/image-puller.ts';
import { reachableReference } from './pods/own-registry.ts';
import { PodManager } from './pods/pod-manager.ts';
import { PodRunner } from './pods/pod-runner.ts';
import { PortCheck } from './pods/port-check.ts';
import { RuntimeCache } from './pods/runtime-cache.ts';
import { ProbeManager } from './probes/probe-manager.ts';
import type { PodSandbox, Runtime } from './runtime/runtime.ts';
import { AgentServer } from './server/agent-server.ts';
import type { Drain } from './services/drain.ts';
import { statsCollector } from './stats/collector.ts';
import { latestPod } from './status/latest-pod.ts';
import { StatusWriter } from './status/status-writer.ts';
import { TokenSource } from './volume/tokens.ts';
import { VolumeManager } from './volume/volume-manager.ts';
import { volumeRefresher } from './volume/volume-refresher.ts';

export interface AgentParts {
  config: AgentConfig;
  runtime: Runtime;
  client: Client;
  /** Of all projects, shared with the service proxy and the name server. */
  services: Informer<Service>;
  addressOf: AddressOf;
  /** Proxy variables for pods; empty where they have real egress. */
  egress(): Record<string, string>;
  /** Resolves when network policies hold for a pod that got its address. */
  admit(pod: Pod, ip: string): Promise<void>;
  drain: Drain;
  /** Told of the pods of this node. */
  follow?(own: Informer<Pod>): void;
  clock: Clock;
  log: Log;
  /** What is left of this machine; by default it is asked. */
  observe?(): Promise<Observations>;
  /** How often that is looked at, ms. */
  lookMs?: number;
}

export interface Agent extends Disposable {
  /** Resolves when the control plane was gone for too long and every pod here has been ended. */
  readonly abandoned: Promise<void>;
  /** Project of the pod here that has this address. */
  namespaceOf(ip: string): string | undefined;
}

/** Most that the image of an image volume may take; the pod then waits and tries again. */
const volumeImageMs = 10 * 60_000;

/** Resolves once the node is registered, or is being tried to. Disposing leaves the pods running for the next agent. */
export async function startAgent(parts: AgentParts): Promise<Agent> {
  const { config, runtime, client, clock, log } = parts;
  const scope = new Scope();
  const around = { clock, log };
  const events = scope.own(eventRecorder(client, 'kubelet', clock, config.nodeName));
  const maps = scope.own(new ObjectCache(client, configMaps, around));
  const secretObjects = scope.own(new ObjectCache(client, secrets, around));
  const tokens = scope.own(new TokenSource(client, clock));
  const folder = config.directory;
  const machine = await machineFacts(folder);
  const { settings, problems } = await readSettings(folder);
  for (const problem of problems) log.warn('a setting of the node cannot be used', { problem });
  const reserve = reserveOf(settings.thresholds, machine);
  const allocatable = { milliCpu: milliOf(String(machine.cpus)), memory: machine.memoryBytes - reserve.memory, disk: machine.diskBytes - reserve.disk };

  const cache = scope.own(new RuntimeCache(runtime, folder, log));
  const images = new ImagePuller({
    images: runtime.images,
    events,
    clock,
    reachable: (image) => reachableReference(client, image),
    auth: (pod, image) =>
      credentialsFor(pod, image, {
        secret: (name) => secretObjects.get(pod.metadata.uid ?? '', pod.metadata.namespace ?? '', name),
        token: () => tokens.token(pod, { audience: undefined, expirationSeconds: 3600 }),
      }),
  });
  const volumes = new VolumeManager({
    client, folder, runtime, configMaps: maps, secrets: secretObjects, tokens, caCertificate: config.caCertificate, allocatableMemory: allocatable.memory,
    image: async (pod, image, imagePullPolicy) => (await images.ensure(pod, { image, imagePullPolicy }, podReference(pod), AbortSignal.timeout(volumeImageMs))).id,
  });
  await images.load();
  await cache.load((imageId) => images.referenceOf(imageId));

  const status = scope.own(new StatusWriter(client, clock, log));
  const environment = { configMaps: maps, secrets: secretObjects, services: parts.services, addressOf: parts.addressOf, egress: parts.egress };
  const runner = new PodRunner({
    runtime, cache, images, volumes, events, clock, log, folder, allocatable, podPids: settings.podPids, drain: parts.drain,
    environment: (pod, container, facts) => environmentOf(environment, pod, container, facts),
    cluster: { clusterDns: config.network.clusterDns, clusterDomain: config.network.clusterDomain, nodeName: config.nodeName },
    hostIp: config.network.nodeIp,
    onSandbox(pod, sandbox) {
      void publishPorts(client, pod, sandbox).catch((error: unknown) => log.warn('cannot publish the ports of a pod', { pod: pod.metadata.name, error }));
    },
    admit: (pod, { ip }) => parts.admit(pod, ip),
  });
  const probes = scope.own(new ProbeManager({ runtime, clock, events, onChange: (uid) => manager.wake(uid) }));
  const ports = scope.own(new PortCheck(clock, (uid) => manager.wake(uid)));
  const manager: PodManager = new PodManager({ client, cache, runner, probes, ports, status, events, clock, log, hostIp: config.network.nodeIp, allocatable, refusal: (pod) => eviction.refusal(pod) });
  scope.own(manager);
  const newest = (pod: Pod) => latestPod(pod, status.latest(pod.metadata.uid ?? ''));
  const newestPods = () => manager.pods().map(newest);
  const aboutNode = { apiVersion: 'v1', kind: 'Node', name: config.nodeName, uid: config.nodeName };
  const tell = (reason: string, message: string) => events.warning(aboutNode, reason, message);
  const collector = scope.own(imageCollector({ images: runtime.images, settings: settings.images, used: () => usedImages(runtime, cache, newestPods()), folder, tell, clock, log }));
  const stats = statsCollector({ nodeName: config.nodeName, runtime, cache, pods: () => manager.pods(), folder, clock });
  scope.own(
    await AgentServer.listen(config.socket, {
      runtime, cache, clock, log,
      pod: (namespace, name) => {
        const pod = manager.find(namespace, name);
        return pod && newest(pod);
      },
      stats: () => stats.summary(),
    }),
  );

  const eviction: EvictionManager = scope.own(new EvictionManager({
    settings, runtime, cache, stats, folder, tell, clock, log, lookMs: parts.lookMs,
    pods: newestPods,
    observe: parts.observe ?? (() => observeMachine(folder)),
    collectImages: () => collector.collect(true),
    evict: (pod, message, graceSeconds) => manager.evict(pod.metadata.uid ?? '', message, graceSeconds),
  }));

  let abandon: () => void = () => undefined;
  const abandoned = new Promise<void>((resolve) => (abandon = resolve));
  const node = scope.own(new NodeAgent({
    client, config, runtime, clock, log, thresholds: settings.thresholds, pressure: eviction,
    onAbandoned: () => {
      log.error('the control plane has been gone for ten minutes: ending every pod', { node: config.nodeName });
      void manager.endAll().finally(abandon);
    },
  }));
  const ownPods = scope.own(informer(client, pods, { fieldSelector: `spec.nodeName=${config.nodeName}` }, around));
  parts.follow?.(ownPods);
  // A container's variables name the services of its project: the first pods wait for that list.
  void parts.services.synced.then(() => manager.start(ownPods));
  scope.own(volumeRefresher({
    configMaps: maps, secrets: secretObjects, tokens, ownPods, clock, log,
    refresh: (pod) => volumes.refresh(pod, runner.facts(pod)),
    retry: (uid) => manager.retry(uid),
    failed: (pod, failure) => events.warning(pod, 'FailedMount', failure.message),
  }));
  await node.start();
  return { abandoned, namespaceOf: (ip) => cache.namespaceOf(ip), dispose: () => scope.dispose() };
}

/** Of containers that are here, and those that volumes show. */
async function usedImages({ images }: Runtime, cache: RuntimeCache, all: readonly Pod[]): Promise<Set<string>> {
  const shown = all.flatMap(({ spec }) => (spec.volumes ?? []).flatMap(({ image }) => image?.reference ?? []));
  const ids = await Promise.all(shown.map(async (reference) => (await images.status(reference))?.id ?? ''));
  return new Set([...cache.all().map(({ imageId }) => imageId), ...ids]);
}

function podReference({ metadata: { name, namespace, uid } }: Pod): ObjectReference {
  return { apiVersion: 'v1', kind: 'Pod', name, ...(namespace && { namespace }), ...(uid && { uid }) };
}

/** On a `process` node a container port is another one of this machine: endpoints and previews follow the annotation. */
async function publishPorts(client: Client, pod: Pod, sandbox: PodSandbox): Promise<void> {
  if (!sandbox.portMap) return;
  const { name, namespace } = pod.metadata;
  await client.patch(pods, { namespace, name }, 'merge', { metadata: { annotations: { [portMapAnnotation]: JSON.stringify(sandbox.portMap) } } });
}
