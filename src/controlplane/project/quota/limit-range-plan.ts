/** What limit ranges fill in and refuse, pure (kubernetes plugin/pkg/admission/limitranger, with its texts). */
import type { Container, PersistentVolumeClaim, Pod, PodSpec } from '../../../api/kinds/core.ts';
import type { LimitRange } from '../../../api/kinds/quota.ts';
import { isSidecar } from '../../../api/pod.ts';
import { bytesText, canonicalQuantity, quantityOf } from '../../../api/quantity.ts';

type Item = NonNullable<NonNullable<LimitRange['spec']>['limits']>[number];
type Amounts = Record<string, string | number>;

/** What a range leaves out follows from what it says (kubernetes SetDefaults_LimitRangeItem). */
export function defaultRange({ spec }: LimitRange): void {
  for (const item of spec?.limits ?? []) {
    if (item.type !== 'Container') continue;
    item.default = { ...(item.max as Amounts), ...(item.default as Amounts) };
    item.defaultRequest = { ...(item.min as Amounts), ...item.default, ...(item.defaultRequest as Amounts) };
    if (Object.keys(item.default).length === 0) delete item.default;
    if (Object.keys(item.defaultRequest).length === 0) delete item.defaultRequest;
  }
}

const annotation = 'kubernetes.io/limit-ranger';

/** `pod` is a private copy; what was filled in is noted on it. */
export function applyRanges(ranges: readonly LimitRange[], pod: Pod): void {
  const notes: string[] = [];
  for (const range of ranges) {
    for (const item of range.spec?.limits ?? []) {
      if (item.type !== 'Container') continue;
      for (const [list, word] of [[pod.spec.containers, 'container'], [pod.spec.initContainers ?? [], 'init container']] as const) {
        for (const container of list) notes.push(...fill(container, item, word));
      }
    }
  }
  if (notes.length === 0) return;
  const { annotations } = pod.metadata;
  const text = [...(annotations?.[annotation] ? [annotations[annotation]] : [`LimitRanger plugin set: ${notes[0] ?? ''}`]), ...notes.slice(annotations?.[annotation] ? 0 : 1)].join('; ');
  pod.metadata.annotations = { ...annotations, [annotation]: text };
}

function fill(container: Container, item: Item, word: string): string[] {
  const resources = (container.resources ??= {});
  const before = { limits: new Set(Object.keys(resources.limits ?? {})), requests: new Set(Object.keys(resources.requests ?? {})) };
  // What the user limits is requested in full, and not by a default below it.
  const limits = { ...(item.default as Amounts), ...(resources.limits as Amounts) };
  const requests = { ...(item.defaultRequest as Amounts), ...(resources.requests as Amounts) };
  if (Object.keys(limits).length > 0) resources.limits = limits;
  if (Object.keys(requests).length > 0) resources.requests = requests;
  const added = (kind: 'limits' | 'requests', all: Amounts) => Object.keys(all).filter((name) => !before[kind].has(name)).sort();
  const [newRequests, newLimits] = [added('requests', requests), added('limits', limits)];
  return [
    ...(newRequests.length > 0 ? [`${newRequests.join(', ')} request for ${word} ${container.name}`] : []),
    ...(newLimits.length > 0 ? [`${newLimits.join(', ')} limit for ${word} ${container.name}`] : []),
  ];
}

/** Everything the ranges have against a pod. */
export function podViolations(ranges: readonly LimitRange[], { spec }: Pod): string[] {
  const items = ranges.flatMap((range) => range.spec?.limits ?? []);
  return items.flatMap((item) => {
    if (item.type === 'Container') return [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ resources = {} }) => violations(item, 'Container', (resources.requests ?? {}) as Amounts, (resources.limits ?? {}) as Amounts));
    return item.type === 'Pod' ? violations(item, 'Pod', podSum(spec, 'requests'), podSum(spec, 'limits')) : [];
  });
}

export function claimViolations(ranges: readonly LimitRange[], { spec }: PersistentVolumeClaim): string[] {
  const requests = (spec.resources?.requests ?? {}) as Amounts;
  return ranges.flatMap((range) => range.spec?.limits ?? []).flatMap((item) => {
    if (item.type !== 'PersistentVolumeClaim') return [];
    return [
      ...each(item.min).flatMap(([name, least]) => (requests[name] === undefined ? [`minimum ${name} usage per PersistentVolumeClaim is ${text(least)}.  No request is specified`] : below(requests[name], least) ? [`minimum ${name} usage per PersistentVolumeClaim is ${text(least)}, but request is ${text(requests[name])}`] : [])),
      ...each(item.max).flatMap(([name, most]) => (requests[name] === undefined ? [`maximum ${name} usage per PersistentVolumeClaim is ${text(most)}.  No request is specified`] : below(most, requests[name]) ? [`maximum ${name} usage per PersistentVolumeClaim is ${text(most)}, but request is ${text(requests[name])}`] : [])),
    ];
  });
}

function violations(item: Item, type: 'Container' | 'Pod', requests: Amounts, limits: Amounts): string[] {
  const found: string[] = [];
  for (const [name, least] of each(item.min)) {
    const [request, limit] = [requests[name], limits[name]];
    if (request === undefined) found.push(`minimum ${name} usage per ${type} is ${text(least)}.  No request is specified`);
    else if (below(request, least)) found.push(`minimum ${name} usage per ${type} is ${text(least)}, but request is ${text(request)}`);
    else if (limit !== undefined && below(limit, least)) found.push(`minimum ${name} usage per ${type} is ${text(least)}, but limit is ${text(limit)}`);
  }
  for (const [name, most] of each(item.max)) {
    const [request, limit] = [requests[name], limits[name]];
    if (limit === undefined) found.push(`maximum ${name} usage per ${type} is ${text(most)}.  No limit is specified`);
    else if (below(most, limit)) found.push(`maximum ${name} usage per ${type} is ${text(most)}, but limit is ${text(limit)}`);
    else if (request !== undefined && below(most, request)) found.push(`maximum ${name} usage per ${type} is ${text(most)}, but request is ${text(request)}`);
  }
  for (const [name, ratio] of each(item.maxLimitRequestRatio)) {
    const [request, limit] = [quantityOf(requests[name]), quantityOf(limits[name])];
    if (request === 0) found.push(`${name} max limit to request ratio per ${type} is ${text(ratio)}, but no request is specified or request is 0`);
    else if (limit === 0) found.push(`${name} max limit to request ratio per ${type} is ${text(ratio)}, but no limit is specified or limit is 0`);
    else if (limit / request > quantityOf(ratio)) found.push(`${name} max limit to request ratio per ${type} is ${text(ratio)}, but provided ratio is ${(limit / request).toFixed(6)}`);
  }
  return found;
}

/** What runs together, or the largest moment of initialisation; absent where no container says anything. */
function podSum(spec: PodSpec, kind: 'requests' | 'limits'): Amounts {
  const names = new Set([...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ resources }) => Object.keys(resources?.[kind] ?? {})));
  const of = (container: Container, name: string) => quantityOf((container.resources?.[kind] as Amounts | undefined)?.[name]);
  return Object.fromEntries([...names].map((name) => {
    const together = [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)].reduce((sum, one) => sum + of(one, name), 0);
    const largest = Math.max(0, ...(spec.initContainers ?? []).filter((one) => !isSidecar(one)).map((one) => of(one, name)));
    return [name, quantityText(name, Math.max(together, largest))];
  }));
}

function quantityText(name: string, value: number): string {
  return name === 'cpu' ? canonicalQuantity(`${Math.round(value * 1000)}m`) : bytesText(Math.ceil(value));
}

const each = (amounts: unknown): [string, string | number][] => Object.entries((amounts ?? {}) as Amounts);
const below = (one: string | number, other: string | number) => quantityOf(one) < quantityOf(other);
const text = (amount: string | number) => canonicalQuantity(String(amount));
