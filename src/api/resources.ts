/** Every resource this project declares, and lookups by the names people and manifests use. */
import * as apps from './kinds/apps.ts';
import * as autoscaling from './kinds/autoscaling.ts';
import * as batch from './kinds/batch.ts';
import * as build from './kinds/build.ts';
import * as cluster from './kinds/cluster.ts';
import * as core from './kinds/core.ts';
import * as deploymentConfig from './kinds/deployment-config.ts';
import * as image from './kinds/image.ts';
import * as imagePruner from './kinds/image-pruner.ts';
import * as ingress from './kinds/ingress.ts';
import * as networkPolicy from './kinds/network-policy.ts';
import * as policy from './kinds/policy.ts';
import * as project from './kinds/project.ts';
import * as quota from './kinds/quota.ts';
import * as rbac from './kinds/rbac.ts';
import * as review from './kinds/review.ts';
import * as route from './kinds/route.ts';
import type { Resource } from './resource.ts';

const isResource = (value: unknown): value is Resource => typeof value === 'object' && value !== null && 'plural' in value && 'version' in value;

export const allResources: readonly Resource[] = Object.freeze(
  [core, apps, batch, autoscaling, cluster, rbac, review, project, policy, quota, build, deploymentConfig, image, imagePruner, networkPolicy, route, ingress].flatMap((module) => Object.values(module as Record<string, unknown>).filter(isResource)),
);

/** What a user types: `pods`, `pod`, `po`, `Pod`, `deployments.apps`, `deployments.v1.apps`. The first declared wins, as with kubectl. */
export function findResource(name: string): Resource | undefined {
  const wanted = name.toLowerCase();
  const dot = wanted.indexOf('.');
  const word = dot < 0 ? wanted : wanted.slice(0, dot);
  const rest = dot < 0 ? undefined : wanted.slice(dot + 1);
  return allResources.find(
    (one) =>
      (rest === undefined || rest === one.group || rest === `${one.version}.${one.group}`) &&
      (one.plural === word || one.singular === word || one.kind.toLowerCase() === word || (one.shortNames?.includes(word) ?? false)),
  );
}
