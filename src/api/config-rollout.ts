/** How a deployment config's rollouts are read: each is a replication controller `<config>-<version>` that carries the config it was made from. Pure. */
import { isObject } from './json.ts';
import type { ReplicationController } from './kinds/core.ts';
import { deploymentAnnotations, type DeploymentConfig, type DeploymentPhase } from './kinds/deployment-config.ts';

const phases: readonly DeploymentPhase[] = ['New', 'Pending', 'Running', 'Complete', 'Failed'];

export function phaseOf(rollout: ReplicationController): DeploymentPhase {
  const phase = rollout.metadata.annotations?.[deploymentAnnotations.phase] as DeploymentPhase | undefined;
  return phase && phases.includes(phase) ? phase : 'New';
}

export const versionOf = (rollout: ReplicationController): number => Number(rollout.metadata.annotations?.[deploymentAnnotations.version] ?? 0) || 0;
export const isTerminated = (rollout: ReplicationController): boolean => phaseOf(rollout) === 'Complete' || phaseOf(rollout) === 'Failed';
export const isCancelled = (rollout: ReplicationController): boolean => rollout.metadata.annotations?.[deploymentAnnotations.cancelled] === 'true';
export const configNameOf = (rollout: ReplicationController): string | undefined => rollout.metadata.annotations?.[deploymentAnnotations.config];
export const rolloutName = (config: string, version: number): string => `${config}-${version}`;
export const deployerPodName = (rollout: string): string => `${rollout}-deploy`;

export function newestFirst(rollouts: readonly ReplicationController[]): ReplicationController[] {
  return [...rollouts].sort((a, b) => versionOf(b) - versionOf(a));
}

/** The newest rollout that completed: the one whose pods serve. */
export function activeRollout(rollouts: readonly ReplicationController[]): ReplicationController | undefined {
  return newestFirst(rollouts).find((rollout) => phaseOf(rollout) === 'Complete');
}

/** The config a rollout was made from; undefined if somebody damaged the annotation. */
export function decodedConfig(rollout: ReplicationController): DeploymentConfig | undefined {
  const text = rollout.metadata.annotations?.[deploymentAnnotations.encodedConfig];
  if (!text) return undefined;
  try {
    const config = JSON.parse(text) as DeploymentConfig;
    return isObject(config.spec) && isObject(config.metadata) ? config : undefined;
  } catch {
    return undefined;
  }
}
