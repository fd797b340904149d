/** Who uses an image: pure. */
import type { Deployment } from '../../api/kinds/apps.ts';
import { strategyFrom, type BuildConfig } from '../../api/kinds/build.ts';
import type { Pod } from '../../api/kinds/core.ts';
import type { DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import type { ObjectReference } from '../../api/meta.ts';

export type Use = 'runs' | 'deploys' | 'buildsFrom' | 'builds';

export interface ImageUser {
  kind: string;
  name: string;
  use: Use;
}

export interface UsedImage {
  namespace: string;
  stream: string;
  digest: string;
  /** Tags that lead to it now. */
  tags: readonly string[];
}

export interface PossibleUsers {
  pods: readonly Pod[];
  deploymentConfigs: readonly DeploymentConfig[];
  deployments: readonly Deployment[];
  buildConfigs: readonly BuildConfig[];
}

const triggersAnnotation = 'image.openshift.io/triggers';

export function usersOf(image: UsedImage, { pods, deploymentConfigs, deployments, buildConfigs }: PossibleUsers): ImageUser[] {
  const has = (reference: string | undefined) => reference?.includes(image.digest) ?? false;
  const leads = (reference: ObjectReference | undefined, home: string | undefined) => leadsTo(image, reference, home);
  const runs = (pod: Pod) => (pod.status?.containerStatuses ?? []).some(({ imageID }) => has(imageID)) || pod.spec.containers.some((one) => has(one.image));
  const template = (workload: Deployment | DeploymentConfig) => (workload.spec.template?.spec?.containers ?? []).some((one) => has(one.image));
  return [
    ...pods.filter(runs).map(({ metadata }): ImageUser => ({ kind: 'Pod', name: metadata.name, use: 'runs' })),
    ...deploymentConfigs.filter((config) => template(config) || (config.spec.triggers ?? []).some(({ imageChangeParams }) => leads(imageChangeParams?.from, config.metadata.namespace)))
      .map(({ metadata }): ImageUser => ({ kind: 'DeploymentConfig', name: metadata.name, use: 'deploys' })),
    ...deployments.filter((deployment) => template(deployment) || annotated(deployment).some((from) => leads(from, deployment.metadata.namespace)))
      .map(({ metadata }): ImageUser => ({ kind: 'Deployment', name: metadata.name, use: 'deploys' })),
    ...buildConfigs.flatMap(({ metadata, spec }): ImageUser[] => {
      const from = [strategyFrom(spec.strategy), ...(spec.source?.images ?? []).map((one) => one.from)].some((one) => has(one?.name) || leads(one, metadata.namespace));
      return [...(from ? [{ kind: 'BuildConfig', name: metadata.name, use: 'buildsFrom' as const }] : []), ...(leads(spec.output?.to, metadata.namespace) ? [{ kind: 'BuildConfig', name: metadata.name, use: 'builds' as const }] : [])];
    }),
  ];
}

/** `home`: where a reference without a project means. */
function leadsTo({ namespace, stream, digest, tags }: UsedImage, from: ObjectReference | undefined, home: string | undefined): boolean {
  if (!from?.name || (from.namespace ?? home) !== namespace) return false;
  if (from.kind === 'ImageStreamTag') return tags.some((tag) => from.name === `${stream}:${tag}`);
  return from.kind === 'ImageStreamImage' && from.name === `${stream}@${digest}`;
}

function annotated({ metadata }: Deployment): ObjectReference[] {
  try {
    return (JSON.parse(metadata.annotations?.[triggersAnnotation] ?? '[]') as { from?: ObjectReference }[]).flatMap(({ from }) => (from ? [from] : []));
  } catch {
    return [];
  }
}
