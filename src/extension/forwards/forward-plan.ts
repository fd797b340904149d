/** Which pod a port-forward leads to now: pure. */
import type { Container, Pod, Service } from '../../api/kinds/core.ts';
import { deploymentLabels } from '../../api/kinds/deployment-config.ts';
import { isPodReady, isTerminal } from '../../api/pod.ts';
import { isRunner } from '../explorer/project-content.ts';

/** What somebody asked to forward to. */
export interface ForwardSubject {
  namespace: string;
  kind: string;
  name: string;
  /** As it is shown: a service's own port, else the container's. */
  port: number;
  /** How the container says it, where the service names it otherwise. */
  target: number | string;
  /** Labels of the pods it may lead to. Empty: only the pod of that name. A service's own selector is read anew each time. */
  selector: Record<string, string>;
}

export interface ForwardObjects {
  pods: readonly Pod[];
  services: readonly Service[];
}

export type ForwardTarget = { pod: string; port: number } | { pod?: never; why: 'NoPod' | 'NoService' | 'NoPort' };

/** Labels that a pod's successor of the next revision does not share. */
const ofRevision: readonly string[] = [deploymentLabels.deployment, 'pod-template-hash', 'controller-revision-hash', 'pod-template-generation'];

/** By what the successors of a pod are found; nothing for a pod that nobody replaces. */
export function successorsOf({ metadata }: Pod): Record<string, string> {
  if (!metadata.ownerReferences?.some(({ controller }) => controller)) return {};
  return Object.fromEntries(Object.entries(metadata.labels ?? {}).filter(([key]) => !ofRevision.includes(key)));
}

/** `current`: the pod that it leads to so far; it stays while it serves. */
export function targetOf(subject: ForwardSubject, { pods, services }: ForwardObjects, current: string | undefined): ForwardTarget {
  let { selector, target } = subject;
  if (subject.kind === 'Service') {
    const service = services.find(({ metadata }) => metadata.name === subject.name);
    if (!service) return { why: 'NoService' };
    selector = service.spec.selector ?? {};
    target = targetPortOf(service, subject.port) ?? target;
  }
  const own = subject.kind === 'Pod' ? subject.name : undefined;
  const chosen = pods.filter((pod) => isUsable(pod) && (pod.metadata.name === own || matches(selector, pod))).sort((a, b) => rank(b, own, current) - rank(a, own, current) || newest(a, b))[0];
  if (!chosen) return { why: 'NoPod' };
  const port = typeof target === 'number' ? target : portNamed(chosen, target);
  return port === undefined ? { why: 'NoPort' } : { pod: chosen.metadata.name, port };
}

/** What a service's port is called in its pods. */
export function targetPortOf({ spec }: Service, port: number): number | string | undefined {
  const found = spec.ports?.find((one) => one.port === port);
  return found && (found.targetPort ?? found.port);
}

/** Those that are ready come first, among them the one it leads to already; the pod that was asked for by name before all. */
function rank(pod: Pod, own: string | undefined, current: string | undefined): number {
  return (pod.metadata.name === own ? 4 : 0) + (isPodReady(pod) ? 2 : 0) + (pod.metadata.name === current ? 1 : 0);
}

function newest(a: Pod, b: Pod): number {
  return (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '') || a.metadata.name.localeCompare(b.metadata.name);
}

function isUsable(pod: Pod): boolean {
  return pod.status?.phase === 'Running' && !pod.metadata.deletionTimestamp && !isTerminal(pod);
}

function matches(selector: Record<string, string>, pod: Pod): boolean {
  const entries = Object.entries(selector);
  return entries.length > 0 && !isRunner(pod) && entries.every(([key, value]) => pod.metadata.labels?.[key] === value);
}

function portNamed(pod: Pod, name: string): number | undefined {
  return containersOf(pod).flatMap(({ ports = [] }) => ports).find((port) => port.name === name)?.containerPort;
}

function containersOf({ spec }: Pod): Container[] {
  return [...spec.containers, ...(spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')];
}
