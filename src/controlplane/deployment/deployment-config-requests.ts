/** What may be asked of a deployment config: a new rollout, an older one, the log of one. */
import { configNameOf, decodedConfig, deployerPodName, phaseOf, rolloutName } from '../../api/config-rollout.ts';
import { deploymentConfigs, deploymentLabels, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import { imageStreams, type ImageStream } from '../../api/kinds/image.ts';
import { pods, replicationControllers, type Pod, type ReplicationController } from '../../api/kinds/core.ts';
import { copyJson } from '../../api/json.ts';
import type { KubeObject } from '../../api/meta.ts';
import { badRequest, invalid, invalidValue, isStatusError, notFound, required, timeout, type Status } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { followObject } from '../../client/apps/follow-app.ts';
import { ifFound } from '../../client/if-found.ts';
import { delay, type Clock } from '../../base/clock.ts';
import { imagesResolved, requestedFor } from './instantiate-plan.ts';
import { resolveConfig, splitTag, streamsOfConfig } from './image-trigger-plan.ts';

export interface DeploymentRequest extends KubeObject {
  name?: string;
  /** Resolve the image triggers first. */
  latest?: boolean;
  /** Roll out even if nothing changed. */
  force?: boolean;
  excludeTriggers?: string[];
}

/** Answers of `instantiate`: the config with its next version, or that there was no reason for one. */
export type Instantiated = DeploymentConfig | Status;

/** Starts the next version, for what changed or because somebody forces it. */
export async function instantiate(client: Client, clock: Clock, namespace: string, name: string, request: DeploymentRequest): Promise<Instantiated> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await instantiateOnce(client, namespace, name, request);
    } catch (error) {
      // The controllers write the same object; what was asked for holds for its newest state as well.
      if (!isStatusError(error, 'Conflict') || attempt >= mostAttempts) throw error;
      // A write that is not yet on disk cannot be read, only collided with.
      await delay(clock, attempt * conflictMs);
    }
  }
}

const mostAttempts = 10;
const conflictMs = 5;
const requestKind = { group: 'apps.openshift.io', kind: 'DeploymentRequest' };

async function instantiateOnce(client: Client, namespace: string, name: string, request: DeploymentRequest): Promise<Instantiated> {
  if (request.name && request.name !== name) throw badRequest(`the name of the request ("${request.name}") does not match the name of the deployment config ("${name}")`);
  let config = await client.get(deploymentConfigs, { name, namespace });
  if (config.spec.paused) throw invalid(requestKind, name, [invalidValue('spec.paused', true, `deployment config "${name}" is paused - unpause to request a new deployment`)]);
  if (request.latest) {
    const streams = await streamsOf(client, config);
    const resolved = resolveConfig(config, (where, stream) => streams.get(`${where}/${stream}`), { force: request.force === true, exclude: request.excludeTriggers ?? [] });
    if (resolved) config = await client.update(deploymentConfigs, resolved, { name, namespace });
  }
  const latestVersion = config.status?.latestVersion ?? 0;
  // The rollout there is tells what changed since; whoever deleted it waits for the controller to make it again.
  const latest = latestVersion > 0 ? await client.get(replicationControllers, { name: rolloutName(name, latestVersion), namespace }) : undefined;
  if (!imagesResolved(config)) throw badRequest(`cannot trigger a deployment for "${name}" because it contains unresolved images`);
  const details = request.force ? { message: 'manual change', causes: [{ type: 'Manual' }] } : requestedFor(config, latest);
  if (!details) return { kind: 'Status', apiVersion: 'v1', metadata: {}, message: `deployment config "${name}" cannot be instantiated`, code: 204 } as Status;
  const status = { ...copyJson(config.status ?? {}), latestVersion: latestVersion + 1, details };
  return client.update(deploymentConfigs, { ...copyJson(config), status } as DeploymentConfig, { name, namespace, subresource: 'status' });
}

async function streamsOf(client: Client, config: DeploymentConfig): Promise<Map<string, ImageStream>> {
  const streams = new Map<string, ImageStream>();
  for (const key of new Set(streamsOfConfig(config))) {
    const [namespace = '', name = ''] = key.split('/');
    const stream = await ifFound(client.get(imageStreams, { name: splitTag(name).stream, namespace }));
    if (stream) streams.set(key, stream);
  }
  return streams;
}

export interface RollbackRequest extends KubeObject {
  name?: string;
  updatedAnnotations?: Record<string, string>;
  spec?: {
    from?: { kind?: string; name?: string };
    /** 0: the version before the latest. */
    revision?: number;
    includeTriggers?: boolean;
    includeTemplate?: boolean;
    includeReplicationMeta?: boolean;
    includeStrategy?: boolean;
  };
}

const rollbackKind = { group: 'apps.openshift.io', kind: 'DeploymentConfigRollback' };

/** The config as it would be after going back; the client writes it. Image triggers are switched off, or they would undo it at once. */
export async function rollback(client: Client, namespace: string, name: string, { spec = {}, updatedAnnotations = {} }: RollbackRequest): Promise<DeploymentConfig> {
  const refused = (why: string) => invalid(rollbackKind, name, [invalidValue('name', name, why)]);
  const { revision = 0 } = spec;
  if (revision < 0) throw invalid(rollbackKind, name, [invalidValue('spec.revision', revision, 'must be non-negative')]);
  const config = await ifFound(client.get(deploymentConfigs, { name, namespace }));
  if (!config) throw refused(`cannot get deployment config "${name}": deploymentconfigs.apps.openshift.io "${name}" not found`);
  const latest = config.status?.latestVersion ?? 0;
  if (latest === 0) throw refused('cannot rollback an undeployed config');
  if (latest === 1 && !spec.from?.name) throw refused(`no previous deployment exists for "${namespace}/${name}"`);
  if (latest === revision) throw refused(`version ${revision} is already the latest`);
  const target = spec.from?.name || rolloutName(name, revision || latest - 1);
  const rollout = await ifFound(client.get(replicationControllers, { name: target, namespace }));
  if (!rollout) throw refused(`replicationcontrollers "${target}" not found`);
  const before = decodedConfig(rollout);
  if (!before) throw refused(`couldn't decode deployment config from deployment "${target}"`);
  const result = copyJson(config);
  if (Object.keys(updatedAnnotations).length > 0) result.metadata.annotations = { ...result.metadata.annotations, ...updatedAnnotations };
  return asBefore(result, before, spec);
}

/** `deploymentconfigrollbacks`, as clients before version 4 asked for it: by the rollout's name alone. */
export async function rollbackTo(client: Client, namespace: string, request: RollbackRequest): Promise<DeploymentConfig> {
  const { from = {} } = request.spec ?? {};
  const name = request.name ?? '';
  if (!from.name) throw invalid(rollbackKind, name, [required('spec.from.name')]);
  if (from.kind && from.kind !== 'ReplicationController') throw invalid(rollbackKind, name, [invalidValue('spec.from.kind', from.kind, "the kind of the rollback target must be 'ReplicationController'")]);
  const rollout = await client.get(replicationControllers, { name: from.name, namespace });
  const before = decodedConfig(rollout);
  if (!before) throw badRequest(`couldn't decode deployment config from deployment "${from.name}"`);
  const config = await client.get(deploymentConfigs, { name: configNameOf(rollout) ?? before.metadata.name, namespace });
  return asBefore(copyJson(config), before, request.spec ?? {});
}

/** Changes `config`. */
function asBefore(config: DeploymentConfig, before: DeploymentConfig, spec: NonNullable<RollbackRequest['spec']>): DeploymentConfig {
  if (spec.includeTriggers && before.spec.triggers) config.spec.triggers = before.spec.triggers;
  if (spec.includeTemplate && before.spec.template) config.spec.template = before.spec.template;
  if (spec.includeReplicationMeta) Object.assign(config.spec, { replicas: before.spec.replicas, selector: before.spec.selector });
  if (spec.includeStrategy && before.spec.strategy) config.spec.strategy = before.spec.strategy;
  for (const { imageChangeParams } of config.spec.triggers ?? []) if (imageChangeParams) imageChangeParams.automatic = false;
  return config;
}

/** Waits this long for a rollout that was just asked for to have a pod. */
const podWaitMs = 20_000;

/** The pod whose log tells most: of the deployer while it works or if it failed, of the application once it is complete. Undefined: there is nothing yet, and the query does not want to wait. */
export async function podForLog(client: Client, namespace: string, name: string, query: URLSearchParams, signal: AbortSignal): Promise<Pod | undefined> {
  const config = await client.get(deploymentConfigs, { name, namespace });
  const at = { namespace, name: rolloutName(name, versionForLog(config, query)) };
  const begun = (rollout: ReplicationController) => ['New', 'Pending'].includes(phaseOf(rollout)) ? undefined : rollout;
  const now = await ifFound(client.get(replicationControllers, at));
  if (now && begun(now)) return podOf(client, now);
  if (query.get('nowait') === 'true') return undefined;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(podWaitMs)]);
  try {
    if (!now) await followNew(client, at, limit);
    return await podOf(client, await followObject(client, replicationControllers, at, begun, limit));
  } catch (error) {
    if (!limit.aborted) throw error;
    signal.throwIfAborted();
    throw now ? timeout(`timed out waiting for deployment ${at.name} to start`) : notFound(replicationControllers, at.name);
  }
}

/** The config names its new version just before the controller exists. */
async function followNew(client: Client, { namespace, name }: { namespace: string; name: string }, signal: AbortSignal): Promise<void> {
  const watch = client.watch(replicationControllers, { namespace, fieldSelector: `metadata.name=${name}`, signal });
  try {
    for await (const { type } of watch) if (type === 'ADDED' || type === 'MODIFIED') return;
  } finally {
    watch.dispose();
  }
  signal.throwIfAborted();
}

const logOptionsKind = { group: 'apps.openshift.io', kind: 'DeploymentLogOptions' };

function versionForLog({ metadata: { name }, status }: DeploymentConfig, query: URLSearchParams): number {
  const latest = status?.latestVersion ?? 0;
  const asked = query.get('version');
  const previous = query.get('previous') === 'true';
  const version = asked === null ? (previous ? latest - 1 : latest) : Number(asked);
  if (asked !== null && !(version > 0)) throw invalid(logOptionsKind, '', [invalidValue('version', asked, 'deployment version must be greater than 0')]);
  if (asked !== null && previous) throw invalid(logOptionsKind, '', [invalidValue('previous', true, 'cannot use previous when a version is specified')]);
  if (latest === 0) throw badRequest(`no deployment exists for deploymentConfig "${name}"`);
  if (version < 1) throw badRequest(`no previous deployment exists for deploymentConfig "${name}"`);
  if (version > latest) throw badRequest(`invalid version for deploymentConfig "${name}": ${version}; versions run from 1 to ${latest}`);
  return version;
}

async function podOf(client: Client, rollout: ReplicationController): Promise<Pod> {
  const { name, namespace } = rollout.metadata;
  if (phaseOf(rollout) !== 'Complete') return client.get(pods, { name: deployerPodName(name), namespace });
  const { items } = await client.list(pods, { namespace, labelSelector: `${deploymentLabels.deployment}=${name}` });
  const [oldest] = items.filter(({ status }) => status?.phase === 'Running').sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1));
  if (oldest) return oldest;
  const deployer = await ifFound(client.get(pods, { name: deployerPodName(name), namespace }));
  if (!deployer) throw notFound(pods, `pods of ${name}`);
  return deployer;
}
