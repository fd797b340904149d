/** Scales what is behind services away until somebody connects to them, as `oc idle` does. */
import { endpoints, pods, services, type Endpoints, type Service } from '../../api/kinds/core.ts';
import { controllerOf, type KubeObject } from '../../api/meta.ts';
import { allResources } from '../../api/resources.ts';
import type { Resource } from '../../api/resource.ts';
import { idledAtAnnotation, unidleTargetsAnnotation } from '../../api/well-known.ts';
import type { Client } from '../client.ts';
import { ifFound } from '../if-found.ts';
import { scale } from '../rollout/scale.ts';
import { idleAnnotations, mergeTargets, parseTargets, sameTarget, scaledAnnotations, type UnidleTarget } from './idle-annotations.ts';

export interface IdledService {
  service: Service;
  /** What is scaled back once it is asked for. */
  targets: UnidleTarget[];
}

export interface Idled {
  services: IdledService[];
  /** Scaled to nothing. */
  scaled: UnidleTarget[];
}

export class NothingToIdle extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NothingToIdle';
  }
}

export interface IdleOptions {
  namespace: string;
  names: readonly string[];
  dryRun?: boolean;
  now: Date;
}

/** Rejects with `NothingToIdle` if a service leads to nothing that has replicas. */
export async function idle(client: Client, { namespace, names, dryRun = false, now }: IdleOptions): Promise<Idled> {
  const found: IdledService[] = [];
  const scaled: UnidleTarget[] = [];
  for (const name of names) {
    const [service, stored] = await Promise.all([client.get(services, { namespace, name }), ifFound(client.get(endpoints, { namespace, name }))]);
    const owners = await ownersBehind(client, namespace, stored);
    const before = parseTargets(stored?.metadata.annotations?.[unidleTargetsAnnotation] ?? service.metadata.annotations?.[unidleTargetsAnnotation]) ?? [];
    const targets = mergeTargets(owners, before);
    if (targets.length === 0) throw new NothingToIdle(`service "${namespace}/${name}" leads to no pod of something that can be scaled: no scalable resource found to idle`);
    found.push({ service, targets });
    for (const one of owners) if (one.replicas > 0 && !scaled.some((other) => sameTarget(one, other))) scaled.push(one);
  }
  if (dryRun) return { services: found, scaled };
  // The notes first: what was scaled away without them would stay away.
  for (const { service: { metadata: { name } }, targets } of found) {
    const patch = { metadata: { annotations: idleAnnotations(targets, now) } };
    await ifFound(client.patch(endpoints, { namespace, name }, 'merge', patch));
    await client.patch(services, { namespace, name }, 'merge', patch);
  }
  for (const target of scaled) {
    const of = resourceOf(target);
    if (!of) continue;
    await client.patch(of, { namespace, name: target.name }, 'merge', { metadata: { annotations: scaledAnnotations(target.replicas, now) } });
    await scale(client, { of, namespace, name: target.name }, 0);
  }
  return { services: found, scaled };
}

/** What owns the pods behind: the topmost owner that is known and has replicas, with its size now. */
async function ownersBehind(client: Client, namespace: string, stored: Endpoints | undefined): Promise<UnidleTarget[]> {
  const names = (stored?.subsets ?? []).flatMap(({ addresses = [], notReadyAddresses = [] }) => [...addresses, ...notReadyAddresses]).flatMap(({ targetRef }) => (targetRef?.kind === 'Pod' && targetRef.name ? [targetRef.name] : []));
  const found: UnidleTarget[] = [];
  for (const name of new Set(names)) {
    let object: KubeObject | undefined = await ifFound(client.get(pods, { namespace, name }));
    let top: { of: Resource; object: KubeObject } | undefined;
    for (let owner = object && controllerOf(object); owner; owner = object && controllerOf(object)) {
      const of = resourceOf({ kind: owner.kind, group: groupOf(owner.apiVersion) });
      object = of && (await ifFound(client.get(of, { namespace, name: owner.name })));
      if (of && object && hasReplicas(object)) top = { of, object };
    }
    if (!top) continue;
    const { of, object: { metadata } } = top;
    const target = { kind: of.kind, name: metadata.name, ...(of.group && { group: of.group }) };
    if (found.some((one) => sameTarget(one, target))) continue;
    found.push({ ...target, replicas: (top.object as KubeObject & { spec?: { replicas?: number } }).spec?.replicas ?? 0 });
  }
  return found;
}

const hasReplicas = (object: KubeObject) => typeof (object as { spec?: { replicas?: unknown } }).spec?.replicas === 'number';
const groupOf = (apiVersion: string) => (apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '');

export function resourceOf({ kind, group = '' }: { kind: string; group?: string }): Resource | undefined {
  return allResources.find((one) => one.kind === kind && one.group === group);
}

export const isIdle = (service: Service): boolean => service.metadata.annotations?.[idledAtAnnotation] !== undefined;
