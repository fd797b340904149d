/** Which finished builds and rollouts go, by the rules of `oc adm prune builds` and `oc adm prune deployments`. */
import { finishedPhases, buildAnnotations, buildLabels, type Build, type BuildConfig } from '../../api/kinds/build.ts';
import type { ReplicationController } from '../../api/kinds/core.ts';
import { deploymentAnnotations, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import type { KubeObject } from '../../api/meta.ts';

export interface FinishedOptions {
  keepYoungerThanMs: number;
  /** Newest successful ones of each config that stay. */
  keepComplete: number;
  /** Newest others of each config that stay. */
  keepFailed: number;
  /** Those whose config is gone go too. */
  orphans: boolean;
}

interface Finished<T> {
  object: T;
  /** Name of the config it came from. */
  config: string | undefined;
  complete: boolean;
}

export function planBuilds(builds: readonly Build[], configs: readonly BuildConfig[], options: FinishedOptions, now: Date): Build[] {
  const finished = builds
    .filter(({ status }) => finishedPhases.includes(status.phase))
    .map((object) => ({ object, complete: object.status.phase === 'Complete', config: object.status.config?.name ?? object.metadata.annotations?.[buildAnnotations.buildConfig] ?? object.metadata.labels?.[buildLabels.buildConfig] }));
  return choose(finished, configs, options, now);
}

/** A rollout that still has pods, or is its config's newest, stays. */
export function planDeployments(controllers: readonly ReplicationController[], configs: readonly DeploymentConfig[], options: FinishedOptions, now: Date): ReplicationController[] {
  const newest = new Map(configs.map((config) => [keyOf(config, config.metadata.name), config.status?.latestVersion ?? 0]));
  const finished = controllers.flatMap((object) => {
    const { annotations } = object.metadata;
    const config = annotations?.[deploymentAnnotations.config];
    const phase = annotations?.[deploymentAnnotations.phase];
    if (config === undefined || (phase !== 'Complete' && phase !== 'Failed')) return [];
    if ((object.spec.replicas ?? 0) > 0 || (object.status?.replicas ?? 0) > 0) return [];
    if (newest.get(keyOf(object, config)) === Number(annotations?.[deploymentAnnotations.version])) return [];
    return [{ object, config, complete: phase === 'Complete' }];
  });
  return choose(finished, configs, options, now);
}

function choose<T extends KubeObject>(finished: readonly Finished<T>[], configs: readonly KubeObject[], options: FinishedOptions, now: Date): T[] {
  const known = new Set(configs.map((config) => keyOf(config, config.metadata.name)));
  const groups = new Map<string, Finished<T>[]>();
  const chosen: T[] = [];
  for (const one of finished) {
    const config = one.config === undefined ? undefined : keyOf(one.object, one.config);
    if (config === undefined || !known.has(config)) {
      if (options.orphans) chosen.push(one.object);
      continue;
    }
    const group = `${config} ${one.complete}`;
    groups.set(group, [...(groups.get(group) ?? []), one]);
  }
  for (const group of groups.values()) {
    group.sort((a, b) => made(b.object) - made(a.object));
    const [first] = group;
    chosen.push(...group.slice(first?.complete ? options.keepComplete : options.keepFailed).map(({ object }) => object));
  }
  return chosen.filter((object) => now.getTime() - made(object) >= options.keepYoungerThanMs);
}

function made({ metadata }: KubeObject): number {
  return Date.parse(metadata.creationTimestamp ?? '') || Infinity;
}

function keyOf({ metadata }: KubeObject, name: string): string {
  return `${metadata.namespace ?? ''}/${name}`;
}
