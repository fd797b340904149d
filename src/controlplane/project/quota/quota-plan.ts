/** What quotas count and refuse, pure (kubernetes pkg/quota, plugin/pkg/admission/resourcequota, with their texts). */
import type { Container, PersistentVolumeClaim, Pod, Service } from '../../../api/kinds/core.ts';
import { imageQuotas, type ResourceQuota } from '../../../api/kinds/quota.ts';
import type { KubeObject } from '../../../api/meta.ts';
import { isSidecar, isTerminal, qosClassOf } from '../../../api/pod.ts';
import { bytesText, canonicalQuantity, quantityOf } from '../../../api/quantity.ts';

/** Plural and group, as in `count/deployments.apps`. */
export interface Counted {
  plural: string;
  group: string;
}

/** By the quota's own names. */
export type Usage = Map<string, number>;

const compute = ['cpu', 'memory', 'ephemeral-storage'] as const;
const kinds = ['requests', 'limits'] as const;
const plainCounts = ['pods', 'services', 'secrets', 'configmaps', 'persistentvolumeclaims', 'replicationcontrollers', 'resourcequotas'];
const classSuffix = '.storageclass.storage.k8s.io/';

/** The kind of object that a name of a quota is about; undefined for a name that nothing is counted by. */
export function countedBy(name: string): Counted | undefined {
  // The registry and image streams hold to these.
  if (imageQuotas.includes(name)) return undefined;
  const count = /^count\/([a-z0-9]+)(?:\.(.+))?$/.exec(name);
  if (count) return { plural: count[1] ?? '', group: count[2] ?? '' };
  if (plainCounts.includes(name)) return { plural: name, group: '' };
  if (name === 'services.loadbalancers' || name === 'services.nodeports') return { plural: 'services', group: '' };
  if (name === 'requests.storage' || name.includes(classSuffix)) return { plural: 'persistentvolumeclaims', group: '' };
  return podResource(name) ? { plural: 'pods', group: '' } : undefined;
}

/** `cpu` means `requests.cpu`. */
function podResource(name: string): { kind: (typeof kinds)[number]; resource: (typeof compute)[number] } | undefined {
  const [kind, resource] = name.includes('.') ? [name.slice(0, name.indexOf('.')), name.slice(name.indexOf('.') + 1)] : ['requests', name];
  const found = compute.find((one) => one === resource);
  const of = kinds.find((one) => one === kind);
  return found && of ? { kind: of, resource: found } : undefined;
}

/** What one object adds to the names of a quota; empty if the quota is not about it. */
export function usageOf({ plural, group }: Counted, object: KubeObject, quota: ResourceQuota): Usage {
  const usage: Usage = new Map();
  const pod = plural === 'pods' && group === '' ? (object as Pod) : undefined;
  if (!inScope(quota, pod)) return usage;
  for (const name of Object.keys(quota.spec?.hard ?? {})) {
    const counted = countedBy(name);
    if (counted?.plural !== plural || counted.group !== group) continue;
    const amount = amountOf(name, object, pod, plural);
    if (amount > 0) usage.set(name, amount);
  }
  return usage;
}

function amountOf(name: string, object: KubeObject, pod: Pod | undefined, plural: string): number {
  if (name.startsWith('count/')) return 1;
  // One that has ended holds nothing but its name.
  if (pod) {
    if (isTerminal(pod)) return 0;
    const asked = podResource(name);
    return asked ? podAmount(pod, asked.kind, asked.resource) : 1;
  }
  if (plural === 'services') return serviceAmount(name, object as Service);
  if (plural === 'persistentvolumeclaims') return claimAmount(name, object as PersistentVolumeClaim);
  return 1;
}

function serviceAmount(name: string, { spec }: Service): number {
  const ports = spec.ports ?? [];
  switch (name) {
    case 'services.loadbalancers':
      return spec.type === 'LoadBalancer' ? 1 : 0;
    case 'services.nodeports':
      return spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false) ? ports.length : 0;
    default:
      return 1;
  }
}

function claimAmount(name: string, { spec }: PersistentVolumeClaim): number {
  const at = name.indexOf(classSuffix);
  const counted = at < 0 ? name : name.slice(at + classSuffix.length);
  if (at >= 0 && name.slice(0, at) !== spec.storageClassName) return 0;
  return counted === 'requests.storage' ? quantityOf(spec.resources?.requests?.['storage']) : 1;
}

function podAmount({ spec }: Pod, kind: (typeof kinds)[number], resource: (typeof compute)[number]): number {
  const of = (container: Container) => quantityOf(container.resources?.[kind]?.[resource]);
  const together = [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)].reduce((sum, one) => sum + of(one), 0);
  const largest = Math.max(0, ...(spec.initContainers ?? []).filter((one) => !isSidecar(one)).map(of));
  return Math.max(together, largest) + quantityOf(spec.overhead?.[resource]);
}

function inScope({ spec }: ResourceQuota, pod: Pod | undefined): boolean {
  const selectors = [...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists', values: [] as string[] })), ...(spec?.scopeSelector?.matchExpressions ?? [])];
  if (selectors.length === 0) return true;
  // Scopes are about pods; such a quota counts nothing else.
  return pod !== undefined && selectors.every(({ scopeName, operator, values = [] }) => {
    switch (scopeName) {
      case 'Terminating':
        return pod.spec.activeDeadlineSeconds !== undefined;
      case 'NotTerminating':
        return pod.spec.activeDeadlineSeconds === undefined;
      case 'BestEffort':
        return qosClassOf(pod.spec) === 'BestEffort';
      case 'NotBestEffort':
        return qosClassOf(pod.spec) !== 'BestEffort';
      case 'PriorityClass':
        return matchesValue(pod.spec.priorityClassName, operator, values);
      default:
        return false;
    }
  });
}

function matchesValue(value: string | undefined, operator: string, values: readonly string[]): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    default:
      return value === undefined;
  }
}

/** Why `quota` refuses an object that adds `more` to what is `used`; undefined if it does not. */
export function quotaRefusal(quota: ResourceQuota, used: Usage, more: Usage): string | undefined {
  const hard = (quota.spec?.hard ?? {}) as Record<string, string | number>;
  const over = [...more].filter(([name, amount]) => amount > 0 && (used.get(name) ?? 0) + amount > quantityOf(hard[name])).map(([name]) => name).sort();
  if (over.length === 0) return undefined;
  const list = (amount: (name: string) => string) => over.map((name) => `${name}=${amount(name)}`).join(',');
  return `exceeded quota: ${quota.metadata.name}, requested: ${list((name) => usedText(name, more.get(name) ?? 0))}, used: ${list((name) => usedText(name, used.get(name) ?? 0))}, limited: ${list((name) => canonicalQuantity(String(hard[name])))}`;
}

/** A quota on something makes every container say how much of it it wants. */
export function missingRequests(quota: ResourceQuota, pod: Pod): string | undefined {
  if (!inScope(quota, pod)) return undefined;
  const missing = Object.keys(quota.spec?.hard ?? {}).sort().flatMap((name) => {
    const asked = podResource(name);
    if (!asked) return [];
    const silent = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].filter(({ resources }) => resources?.[asked.kind]?.[asked.resource] === undefined);
    return silent.length > 0 ? [`${name} for: ${silent.map((container) => container.name).sort().join(',')}`] : [];
  });
  return missing.length > 0 ? `failed quota: ${quota.metadata.name}: must specify ${missing.join('; ')}` : undefined;
}

/** As a quota's status shows it. */
export function usedText(name: string, amount: number): string {
  if (name.endsWith('cpu')) return canonicalQuantity(`${Math.round(amount * 1000)}m`);
  return name.endsWith('memory') || name.endsWith('storage') ? bytesText(amount) : String(amount);
}

export function add(to: Usage, more: Usage): Usage {
  for (const [name, amount] of more) to.set(name, (to.get(name) ?? 0) + amount);
  return to;
}
