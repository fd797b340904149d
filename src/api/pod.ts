/** What can be told from a pod alone: quality of service, readiness, what it asks for. */
import type { Container, Pod, PodSpec } from './kinds/core.ts';
import type { KubeObject } from './meta.ts';
import { milliOf, quantityOf } from './quantity.ts';

export const mirrorAnnotation = 'kubernetes.io/config.mirror';

/** The pod ended and will never run again. */
export function isTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

export function isPodReady(pod: Pod): boolean {
  return conditionOf(pod, 'Ready')?.status === 'True';
}

export function conditionOf(pod: Pod, type: string) {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

/** A sidecar: an init container that keeps running beside the others. */
export function isSidecar(container: Pick<Container, 'restartPolicy'>): boolean {
  return container.restartPolicy === 'Always';
}

export interface HostPort {
  protocol: 'TCP' | 'UDP';
  hostPort: number;
  containerPort: number;
  /** Absent: every address of the node. */
  hostIP?: string;
}

const everyAddress = ['', '0.0.0.0', '::'];

/** Ports of its node that a pod with a network of its own asks for; none of one that has ended. */
export function hostPortsOf(pod: Pod): HostPort[] {
  const { spec } = pod;
  if (spec.hostNetwork || isTerminal(pod)) return [];
  return [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ ports = [] }) => ports.flatMap(({ protocol = 'TCP', hostPort, containerPort, hostIP = '' }): HostPort[] => {
    if (!hostPort || (protocol !== 'TCP' && protocol !== 'UDP')) return [];
    return [{ protocol, hostPort, containerPort, ...(!everyAddress.includes(hostIP) && { hostIP }) }];
  }));
}

/** Made for this very pod (generic ephemeral volumes): not merely under the name it would have. */
export function isOwnedBy({ metadata }: KubeObject, pod: Pod): boolean {
  return metadata.ownerReferences?.some(({ uid, controller }) => controller === true && uid === pod.metadata.uid) ?? false;
}

/** Kubernetes docs, "Pod Quality of Service Classes". */
export function qosClassOf(spec: PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  let any = false;
  let guaranteed = true;
  for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
    for (const name of ['cpu', 'memory']) {
      const limit = quantityOf(container.resources?.limits?.[name]);
      const request = container.resources?.requests?.[name] === undefined ? limit : quantityOf(container.resources.requests[name]);
      if (limit > 0 || request > 0) any = true;
      if (limit === 0 || request !== limit) guaranteed = false;
    }
  }
  return any ? (guaranteed ? 'Guaranteed' : 'Burstable') : 'BestEffort';
}

export interface Amounts {
  milliCpu: number;
  memory: number;
}

/** What the scheduler sets aside: the sum of what runs together, or the largest moment of initialisation, plus overhead. */
export function podRequests(spec: PodSpec): Amounts {
  const sum: Amounts = { milliCpu: 0, memory: 0 };
  const add = (container: Container) => {
    sum.milliCpu += milliOf(requestOf(container, 'cpu'));
    sum.memory += quantityOf(requestOf(container, 'memory'));
  };
  const peak: Amounts = { milliCpu: 0, memory: 0 };
  const raise = (milliCpu: number, memory: number) => {
    peak.milliCpu = Math.max(peak.milliCpu, milliCpu);
    peak.memory = Math.max(peak.memory, memory);
  };
  for (const container of spec.initContainers ?? []) {
    if (isSidecar(container)) add(container);
    else raise(sum.milliCpu + milliOf(requestOf(container, 'cpu')), sum.memory + quantityOf(requestOf(container, 'memory')));
    raise(sum.milliCpu, sum.memory);
  }
  for (const container of spec.containers) add(container);
  raise(sum.milliCpu, sum.memory);
  return { milliCpu: peak.milliCpu + milliOf(spec.overhead?.['cpu']), memory: peak.memory + quantityOf(spec.overhead?.['memory']) };
}

function requestOf(container: Container, name: string): string | number | undefined {
  return container.resources?.requests?.[name] ?? container.resources?.limits?.[name];
}
