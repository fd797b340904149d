/** Network policies of a node, kept true by informers. Pods and namespaces of others are looked at only while there is a policy. */
import { namespaces, pods, type Namespace, type Pod } from '../../api/kinds/core.ts';
import { networkPolicies } from '../../api/kinds/network-policy.ts';
import { equalJson } from '../../api/json.ts';
import { isTerminal, mirrorAnnotation } from '../../api/pod.ts';
import type { Clock } from '../../base/clock.ts';
import { Scope, type Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import type { Informer } from '../../client/informer.ts';
import { informer } from '../../client/informers.ts';
import { planPolicies, type Isolations, type PolicyPod, type SystemPeer } from '../network/policy/policy-plan.ts';

/** Changes that come together are planned together. */
const gatherMs = 10;
/** Rules that could not be made are tried again. */
const againMs = 10_000;
/** Pods remembered before the API tells their addresses: more than a node takes. Beyond, the oldest is forgotten. */
const mostAdmitted = 1_000;

export interface PolicyFeedOptions {
  client: Client;
  clock: Clock;
  log: Log;
  node: string;
  system: readonly SystemPeer[];
  /** Makes them hold; or why nothing does here, which is told of each policy. */
  enforce: ((isolations: Isolations) => Promise<void>) | string;
  /** Why policies that changed do not hold yet; undefined once they do. */
  tell?(why: string | undefined): void;
}

export interface PolicyFeed extends Disposable {
  /** As they hold now. */
  readonly isolations: Isolations;
  /** Something of a pod is about to start at this address: resolves when the policies hold for it, rejects while they cannot be made to. */
  admit(pod: Pod, ip: string): Promise<void>;
}

export function policyFeed({ client, clock, log, node, system, enforce, tell }: PolicyFeedOptions): PolicyFeed {
  const scope = new Scope();
  const around = { clock, log };
  const policies = scope.own(informer(client, networkPolicies, {}, around));
  if (typeof enforce === 'string') {
    const recorder = scope.own(eventRecorder(client, 'network-policy', clock, node));
    const told = new Set<string>();
    scope.own(policies.onChange(({ type, object }) => {
      const { uid = '' } = object.metadata;
      if (type === 'deleted') return void told.delete(uid);
      if (told.has(uid)) return;
      told.add(uid);
      recorder.warning(object, 'PolicyNotEnforced', `Node ${node} does not enforce network policies: ${enforce}`);
    }));
    return { isolations: new Map(), admit: () => Promise.resolve(), dispose: () => scope.dispose() };
  }

  let isolations: Isolations = new Map();
  /** As they should be. */
  let planned: Isolations = new Map();
  let others: { pods: Informer<Pod>; namespaces: Informer<Namespace> } | undefined;
  let timer: Disposable | undefined;
  let known: string | undefined;
  let work: Promise<void> = Promise.resolve();
  /** Pods of this node whose address the API does not tell yet, by uid. */
  const admitted = new Map<string, { pod: Pod; ip: string }>();

  /** After a failure. */
  let again: Disposable | undefined;
  let failing: Error | undefined;
  /** One that has not begun: it will see what changes until then. */
  let waiting: Promise<void> | undefined;
  const gather = () => {
    timer ??= clock.after(gatherMs, () => {
      timer = undefined;
      void next();
    });
  };
  const next = () => (waiting ??= work = work.then(plan));
  const plan = async () => {
    waiting = undefined;
    try {
      const all = policies.list();
      planned = all.length === 0 ? new Map() : planPolicies({ policies: all, ...(await surroundings()), system });
      const text = JSON.stringify([...planned]);
      if (text !== known) await enforce(planned);
      isolations = planned;
      known = text;
      if (failing) tell?.(undefined);
      failing = undefined;
    } catch (error) {
      log.error('network policies cannot be enforced', { error });
      if (!failing) tell?.((error as Error).message);
      failing = error as Error;
      again ??= clock.after(againMs, () => {
        again = undefined;
        void next();
      });
    }
  };
  const surroundings = async () => {
    if (!others) {
      others = { pods: scope.own(informer(client, pods, {}, around)), namespaces: scope.own(informer(client, namespaces, {}, around)) };
      scope.own(others.pods.onChange(({ type, object }) => {
        // Its address may be another pod's next.
        if (type === 'deleted') admitted.delete(object.metadata.uid ?? '');
        gather();
      }));
      scope.own(others.namespaces.onChange(gather));
    }
    await Promise.all([others.pods.synced, others.namespaces.synced]);
    const found = new Map(others.pods.list().map((pod) => [pod.metadata.uid ?? '', pod]));
    for (const [uid, { pod, ip }] of admitted) {
      const listed = found.get(uid);
      if (listed?.status?.podIP === ip) admitted.delete(uid);
      else found.set(uid, { ...(listed ?? pod), status: { ...listed?.status, podIP: ip } });
    }
    return { pods: [...found.values()].flatMap(policyPod), namespaces: new Map(others.namespaces.list().map(({ metadata }) => [metadata.name, metadata.labels ?? {}])) };
  };
  scope.own(policies.onChange(gather));
  // Rules of an agent before may be there, and their policies gone.
  void policies.synced.then(gather);
  scope.defer(() => {
    void timer?.dispose();
    void again?.dispose();
  });
  return {
    get isolations() {
      return isolations;
    },
    async admit(pod, ip) {
      await policies.synced;
      if (policies.list(pod.metadata.namespace).length === 0) return;
      admitted.set(pod.metadata.uid ?? '', { pod, ip });
      if (admitted.size > mostAdmitted) admitted.delete(admitted.keys().next().value ?? '');
      await next();
      if (failing && planned.has(ip) && !equalJson(isolations.get(ip), planned.get(ip))) throw new Error(`the network policies of its project cannot be enforced: ${failing.message}`);
    },
    dispose: () => scope.dispose(),
  };
}

function policyPod(pod: Pod): PolicyPod[] {
  const { metadata, spec, status } = pod;
  if (!status?.podIP || spec.hostNetwork || isTerminal(pod) || metadata.annotations?.[mirrorAnnotation] !== undefined) return [];
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  return [{
    namespace: metadata.namespace ?? '', labels: metadata.labels ?? {}, ip: status.podIP,
    ports: containers.flatMap(({ ports = [] }) => ports.flatMap(({ name, containerPort, protocol = 'TCP' }) => (name ? [{ name, port: containerPort, protocol }] : []))),
  }];
}
