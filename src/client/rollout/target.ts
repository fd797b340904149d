/** What can be rolled out, and which of the actions each kind knows. */
import { daemonSets, deployments, statefulSets } from '../../api/kinds/apps.ts';
import { deploymentConfigs } from '../../api/kinds/deployment-config.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { PodTemplateSpec } from '../../api/kinds/core.ts';
import { groupResource, type Resource } from '../../api/resource.ts';

export type RolloutKind = 'DeploymentConfig' | 'Deployment' | 'StatefulSet' | 'DaemonSet';
export type RolloutAction = 'latest' | 'history' | 'undo' | 'pause' | 'resume' | 'cancel' | 'retry' | 'restart' | 'status';

export interface RolloutTarget {
  of: Resource;
  namespace: string;
  name: string;
}

/** A workload with a template, as far as a rollout of it is concerned. */
export interface Workload extends KubeObject {
  spec: { replicas?: number; paused?: boolean; template?: PodTemplateSpec };
}

/** In the order in which a bare name is looked up. */
export const rolloutResources: readonly Resource[] = [deploymentConfigs, deployments, statefulSets, daemonSets];

const ofTemplates: readonly RolloutAction[] = ['history', 'undo', 'restart', 'status'];
const actions: Record<RolloutKind, readonly RolloutAction[]> = {
  DeploymentConfig: [...ofTemplates, 'latest', 'pause', 'resume', 'cancel', 'retry'],
  Deployment: [...ofTemplates, 'pause', 'resume'],
  StatefulSet: ofTemplates,
  DaemonSet: ofTemplates,
};

export function rolloutKindOf(of: Pick<Resource, 'group' | 'plural'>): RolloutKind | undefined {
  return rolloutResources.find((one) => one.group === of.group && one.plural === of.plural)?.kind as RolloutKind | undefined;
}

/** Whether the kind has the action at all; whether it can be done now is told when it is tried. */
export function hasRolloutAction(of: Pick<Resource, 'group' | 'plural'>, action: RolloutAction): boolean {
  const kind = rolloutKindOf(of);
  return kind !== undefined && actions[kind].includes(action);
}

/** `deployments.apps "web"`: how texts name a target. */
export function named({ of, name }: RolloutTarget): string {
  return `${groupResource(of)} "${name}"`;
}
