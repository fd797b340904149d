/** One step of a DeploymentConfig: from the config and its rollouts to what to trigger, create, scale, cancel and prune. Pure. */
import { activeRollout, decodedConfig, deployerPodName, isCancelled, isTerminated, newestFirst, phaseOf, versionOf } from '../../api/config-rollout.ts';
import { deploymentAnnotations, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import type { ReplicationController } from '../../api/kinds/core.ts';
import { equalJson } from '../../api/json.ts';
import type { Condition } from '../../api/meta.ts';
import { withCondition, withoutCondition, type NewCondition, type WorkloadCondition } from './conditions.ts';
import { fenceposts } from './int-or-percent.ts';
import { makeRollout } from './rollout.ts';

type Status = NonNullable<DeploymentConfig['status']>;
export type Details = NonNullable<Status['details']>;

export interface ConfigPlan {
  /** Start the next version for this reason; nothing else is done in this step. */
  trigger?: { latestVersion: number; details: Details | undefined };
  /** Rollouts under way that a newer version makes pointless. */
  cancel: ReplicationController[];
  /** Rollouts are still ending: look again when they have. */
  awaiting: boolean;
  create?: ReplicationController;
  scale: { rollout: ReplicationController; replicas: number }[];
  prune: ReplicationController[];
  /** While the deployer works, it is not said that the newest spec was seen. */
  observed: boolean;
}

export function planConfig(config: DeploymentConfig, rollouts: readonly ReplicationController[]): ConfigPlan {
  const plan: ConfigPlan = { cancel: [], awaiting: false, scale: [], prune: [], observed: true };
  const { latestVersion = 0 } = config.status ?? {};
  if (config.metadata.deletionTimestamp || (latestVersion === 0 && triggersOf(config).length === 0)) return plan;
  if (config.spec.paused) return { ...plan, prune: outdated(config, rollouts) };
  const [newest] = newestFirst(rollouts);
  // A status that was lost (restored from an older state) must not make a name twice.
  if (newest && versionOf(newest) > latestVersion) return { ...plan, trigger: { latestVersion: versionOf(newest), details: config.status?.details } };
  const latest = newest && versionOf(newest) === latestVersion ? newest : undefined;
  if (!latest && latestVersion > 0) {
    const running = rollouts.filter((rollout) => !isTerminated(rollout));
    if (running.length > 0) return { ...plan, cancel: running.filter((rollout) => !isCancelled(rollout)), awaiting: true };
  }
  if (!hasImages(config)) return plan;
  const details = triggered(config, latest);
  if (details) return { ...plan, trigger: { latestVersion: latestVersion + 1, details } };
  if (latest) {
    if (!isTerminated(latest)) return { ...plan, observed: false };
    return { ...plan, scale: sizes(config, rollouts), prune: outdated(config, rollouts) };
  }
  return latestVersion > 0 ? { ...plan, create: makeRollout(config), prune: outdated(config, rollouts) } : plan;
}

const triggersOf = (config: DeploymentConfig) => config.spec.triggers ?? [];
const hasTrigger = (config: DeploymentConfig, type: string) => triggersOf(config).some((trigger) => trigger.type === type);

/** No container waits for a trigger to name its image. */
export function hasImages(config: DeploymentConfig): boolean {
  return (config.spec.template?.spec?.containers ?? []).every(({ image }) => (image ?? '').trim() !== '');
}

/** Why the next version is due; undefined if it is not. */
export function triggered(config: DeploymentConfig, latest: ReplicationController | undefined): Details | undefined {
  const image = hasTrigger(config, 'ImageChange');
  const change = hasTrigger(config, 'ConfigChange');
  const configChange: Details = { message: 'config change', causes: [{ type: 'ConfigChange' }] };
  if ((config.status?.latestVersion ?? 0) === 0) {
    if (!image) return change ? configChange : undefined;
    const resolved = triggersOf(config).every(({ type, imageChangeParams }) => type !== 'ImageChange' || Boolean(imageChangeParams?.lastTriggeredImage));
    return resolved ? configChange : undefined;
  }
  if (!latest) return undefined;
  if (image) {
    const names = updatedImages(config, latest);
    if (names.length > 0) return { message: 'image change', causes: names.map((name) => ({ type: 'ImageChange', imageTrigger: { from: { kind: 'DockerImage', name } } })) };
  }
  // Compared with the config the rollout was made from: somebody may change the replication controller itself.
  const before = decodedConfig(latest);
  return change && before && !equalJson(before.spec.template, config.spec.template) ? configChange : undefined;
}

function updatedImages(config: DeploymentConfig, latest: ReplicationController): string[] {
  const used = new Set(latest.spec.template?.spec?.containers.map(({ image }) => image));
  return (config.spec.template?.spec?.containers ?? []).flatMap(({ image }) => (image && !used.has(image) ? [image] : []));
}

/** The newest complete rollout follows the config, all others have no pods. */
function sizes(config: DeploymentConfig, rollouts: readonly ReplicationController[]): ConfigPlan['scale'] {
  const active = activeRollout(rollouts);
  return rollouts
    .map((rollout) => ({ rollout, replicas: rollout === active && !config.spec.test ? (config.spec.replicas ?? 1) : 0 }))
    .filter(({ rollout, replicas }) => (rollout.spec.replicas ?? 0) !== replicas);
}

function outdated(config: DeploymentConfig, rollouts: readonly ReplicationController[]): ReplicationController[] {
  const limit = config.spec.revisionHistoryLimit;
  if (limit === undefined) return [];
  const active = activeRollout(rollouts);
  const past = newestFirst(rollouts)
    .reverse()
    .filter((rollout) => rollout !== active && isTerminated(rollout) && versionOf(rollout) !== config.status?.latestVersion);
  return past.slice(0, Math.max(0, past.length - limit)).filter(({ spec }) => (spec.replicas ?? 0) === 0);
}

export function configStatus(config: DeploymentConfig, rollouts: readonly ReplicationController[], observed: boolean, now: Date, extra?: NewCondition): Status {
  const before: Status = config.status ?? {};
  const sum = (count: (rollout: ReplicationController) => number | undefined) => rollouts.reduce((total, rollout) => total + (count(rollout) ?? 0), 0);
  const latest = rollouts.find((rollout) => versionOf(rollout) === before.latestVersion);
  const availableReplicas = sum(({ status }) => status?.availableReplicas);
  const readyReplicas = sum(({ status }) => status?.readyReplicas);
  const status: Status = {
    latestVersion: before.latestVersion ?? 0,
    observedGeneration: observed ? (config.metadata.generation ?? 0) : (before.observedGeneration ?? 0),
    replicas: sum(({ status: one }) => one?.replicas),
    updatedReplicas: latest?.status?.replicas ?? 0,
    availableReplicas,
    unavailableReplicas: Math.max(0, sum(({ spec }) => spec.replicas) - availableReplicas),
    ...(readyReplicas > 0 && { readyReplicas }),
    ...(before.details && { details: before.details }),
  };
  let conditions = withCondition(before.conditions as WorkloadCondition[] | undefined, availability(config, availableReplicas), now);
  conditions = progress(config, conditions, status, latest, now);
  if (extra) conditions = withCondition(conditions, extra, now);
  return { ...status, conditions: conditions as Condition[] };
}

function availability(config: DeploymentConfig, available: number): NewCondition {
  const replicas = config.spec.replicas ?? 1;
  const rolling = config.spec.strategy?.type === 'Rolling' ? config.spec.strategy.rollingParams : undefined;
  const missing = rolling ? fenceposts(rolling.maxSurge, rolling.maxUnavailable, replicas).unavailable : 0;
  return available > 0 && available >= replicas - missing
    ? { type: 'Available', status: 'True', message: 'Deployment config has minimum availability.' }
    : { type: 'Available', status: 'False', message: 'Deployment config does not have minimum availability.' };
}

function progress(config: DeploymentConfig, conditions: WorkloadCondition[], status: Status, latest: ReplicationController | undefined, now: Date): WorkloadCondition[] {
  if (!latest) return conditions;
  const { name } = latest.metadata;
  const said = `replication controller "${name}"`;
  const set = (state: 'True' | 'False' | 'Unknown', reason: string, message: string) => withCondition(conditions, { type: 'Progressing', status: state, ...(reason && { reason }), message }, now);
  switch (phaseOf(latest)) {
    case 'New':
      return conditions;
    case 'Pending':
      return set('Unknown', '', `${said} is waiting for pod "${deployerPodName(name)}" to run`);
    case 'Running': {
      const old = (one: Status) => (one.replicas ?? 0) - (one.updatedReplicas ?? 0);
      const before = config.status ?? {};
      const moved = (status.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) || old(status) < old(before);
      // Its transition time tells when there last was progress.
      return moved ? withCondition(withoutCondition(conditions, 'Progressing'), { type: 'Progressing', status: 'True', reason: 'ReplicationControllerUpdated', message: `${said} is progressing` }, now) : conditions;
    }
    case 'Failed':
      return isCancelled(latest) ? set('False', 'RolloutCancelled', `rollout of ${said} was cancelled`) : set('False', 'ProgressDeadlineExceeded', `${said} has failed progressing`);
    case 'Complete':
      return set('True', 'NewReplicationControllerAvailable', `${said} successfully rolled out`);
  }
}

/** Marks of a rollout that its config's controller gives up. */
export function cancelMarks(reason: string): Record<string, string> {
  return { [deploymentAnnotations.cancelled]: 'true', [deploymentAnnotations.statusReason]: reason };
}
