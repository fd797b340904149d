/** The downward API: fields of the pod and resources of its containers as text (Kubernetes docs, "Downward API"). */
import { parseFieldPath } from '../../api/field-path.ts';
import type { Container, Pod } from '../../api/kinds/core.ts';
import { milliOf, quantityOf } from '../../api/quantity.ts';

export interface PodFacts {
  podIp: string;
  hostIp: string;
  /** What a container without limits may use at most. */
  allocatable: { milliCpu: number; memory: number; disk: number };
}

/** `undefined` for a field that the downward API does not offer. */
export function fieldOf(pod: Pod, path: string, facts: PodFacts): string | undefined {
  const { metadata, spec } = pod;
  const subscript = parseFieldPath(path);
  if (subscript) return metadata[subscript.map]?.[subscript.key] ?? '';
  switch (path) {
    case 'metadata.name':
      return metadata.name;
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
      return mapText(metadata.labels);
    case 'metadata.annotations':
      return mapText(metadata.annotations);
    case 'spec.nodeName':
      return spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? '';
    case 'status.hostIP':
    case 'status.hostIPs':
      return facts.hostIp;
    case 'status.podIP':
    case 'status.podIPs':
      return facts.podIp;
    default:
      return undefined;
  }
}

/** A `resourceFieldRef`; limits that are not set are the node's. `undefined` for an unknown resource. */
export function resourceOf(container: Container, name: string, divisor: string | number | undefined, facts: PodFacts): string | undefined {
  const [kind, resource] = name.split('.') as [string, string?];
  const amounts = kind === 'limits' ? container.resources?.limits : kind === 'requests' ? container.resources?.requests : undefined;
  if (kind !== 'limits' && kind !== 'requests') return undefined;
  const by = divisor === undefined || divisor === '' || quantityOf(divisor) === 0 ? undefined : divisor;
  const fallback = kind === 'limits';
  switch (resource) {
    case 'cpu': {
      const milli = amounts?.['cpu'] !== undefined ? milliOf(amounts['cpu']) : fallback ? facts.allocatable.milliCpu : 0;
      return String(Math.ceil(milli / (by === undefined ? 1000 : milliOf(by))));
    }
    case 'memory':
    case 'ephemeral-storage': {
      const bytes = amounts?.[resource] !== undefined ? quantityOf(amounts[resource]) : fallback ? facts.allocatable[resource === 'memory' ? 'memory' : 'disk'] : 0;
      return String(Math.ceil(bytes / (by === undefined ? 1 : quantityOf(by))));
    }
    default:
      return undefined;
  }
}

function mapText(map: Record<string, string> | undefined): string {
  return Object.keys(map ?? {}).sort().map((key) => `${key}=${JSON.stringify(map?.[key])}`).join('\n');
}
