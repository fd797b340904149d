import { setTimeout as sleep } from 'node:timers/promises';
import { controllerRevisions, replicaSets, revisionAnnotation, templateHashLabel } from '../../api/kinds/apps.ts';
import { deploymentConfigs, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import { equalJson } from '../../api/json.ts';
import { isStatusError } from '../../api/status.ts';
import type { Client } from '../client.ts';
import { findRevision, readHistory, type History } from './history.ts';
import { isPaused, noHistory, sameTemplate } from './refusal.ts';
import type { Revision } from './revisions.ts';
import { rolloutKindOf, type RolloutTarget, type Workload } from './target.ts';

/** Annotations that tell of one replica set and do not come back with its template. */
const notRestored = new Set([
  'kubectl.kubernetes.io/last-applied-configuration', revisionAnnotation, 'deployment.kubernetes.io/revision-history', 'deployment.kubernetes.io/desired-replicas',
  'deployment.kubernetes.io/max-replicas', 'deprecated.deployment.rollback.to',
]);

/**
 * Sets the template of an earlier revision, which rolls it out as a new one: the one before the present, or `revision`.
 * Resolves to the revision gone back to. Of a deployment config, image triggers are switched off by it (`disabledTriggers` tells which).
 */
export async function undo(client: Client, target: RolloutTarget, revision = 0): Promise<Revision> {
  const history = await readHistory(client, target);
  if (history.workload.spec.paused) throw isPaused(target, 'go back');
  const to = revision > 0 ? findRevision(target, history.revisions, revision) : previous(target, history);
  switch (rolloutKindOf(target.of)) {
    case 'DeploymentConfig':
      await rollbackConfig(client, target, { revision: to.number });
      break;
    case 'Deployment':
      await undoDeployment(client, target, history.workload, to);
      break;
    default:
      await undoSet(client, target, history.workload, to);
  }
  return to;
}

function previous(target: RolloutTarget, { revisions }: History): Revision {
  // A config's failed versions are no state to go back to.
  const found = revisions.find((one) => !one.current && (one.phase === undefined || one.phase === 'Complete'));
  if (!found) throw noHistory(target);
  return found;
}

export interface ConfigRollback {
  /** 0: the newest complete version before the present. */
  revision?: number;
  /** Name of a replication controller instead. */
  from?: string;
  includeTriggers?: boolean;
  includeStrategy?: boolean;
  /** Number of replicas and selector. */
  includeReplicationMeta?: boolean;
  dryRun?: boolean;
}

/** `oc rollback`: asks the server what the config was, and writes that unless `dryRun`. */
export async function rollbackConfig(client: Client, { namespace, name }: RolloutTarget, { revision = 0, from, dryRun = false, ...include }: ConfigRollback): Promise<DeploymentConfig> {
  const request = {
    apiVersion: 'apps.openshift.io/v1', kind: 'DeploymentConfigRollback', metadata: { name }, name,
    spec: {
      from: { name: from ?? '' }, revision, includeTemplate: true,
      includeTriggers: include.includeTriggers ?? false, includeStrategy: include.includeStrategy ?? false, includeReplicationMeta: include.includeReplicationMeta ?? false,
    },
  };
  for (let attempt = 1; ; attempt += 1) {
    const older = await client.create<DeploymentConfig>(deploymentConfigs, request, { namespace, name, subresource: 'rollback' });
    if (dryRun) return older;
    try {
      return await client.update(deploymentConfigs, older, { namespace, name });
    } catch (error) {
      // Controllers write the same object; what was asked for holds for its newest state as well.
      if (!isStatusError(error, 'Conflict') || attempt >= mostAttempts) throw error;
      // A write that is not yet on disk cannot be read, only collided with.
      await sleep(attempt * conflictMs);
    }
  }
}

const mostAttempts = 10;
const conflictMs = 5;

async function undoDeployment(client: Client, target: RolloutTarget, deployment: Workload, to: Revision): Promise<void> {
  const { of, namespace, name } = target;
  const set = await client.get(replicaSets, { namespace, name: to.keeper });
  const template = structuredClone(set.spec.template ?? {});
  delete template.metadata?.labels?.[templateHashLabel];
  if (equalJson(template, deployment.spec.template)) throw sameTemplate(target, to.number);
  const own = Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => notRestored.has(key));
  const restored = Object.entries(set.metadata.annotations ?? {}).filter(([key]) => !notRestored.has(key));
  await client.patch(of, { namespace, name }, 'json', [
    { op: 'replace', path: '/spec/template', value: template },
    { op: deployment.metadata.annotations ? 'replace' : 'add', path: '/metadata/annotations', value: Object.fromEntries([...restored, ...own]) },
  ]);
}

async function undoSet(client: Client, target: RolloutTarget, set: Workload, to: Revision): Promise<void> {
  const { of, namespace, name } = target;
  const kept = await client.get(controllerRevisions, { namespace, name: to.keeper });
  if (equalJson(to.template, set.spec.template)) throw sameTemplate(target, to.number);
  await client.patch(of, { namespace, name }, 'strategic', kept.data);
}
