/** What may be asked of a deployment config: a new rollout, an older one, the log of one. */
import { decodedConfig, deployerPodName, phaseOf, rolloutName, versionOf } from '../../api/config-rollout.ts';
import { deploymentConfigs, deploymentLabels, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import { imageStreams, type ImageStream } from '../../api/kinds/image.ts';
import { pods, replicationControllers, type Pod, type ReplicationController } from '../../api/kinds/core.ts';
import { copyJson } from '../../api/json.ts';
import type { KubeObject } from '../../api/meta.ts';
import { badRequest, invalid, invalidValue, isStatusError, notFound, timeout } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { ifFound } from '../../client/if-found.ts';
import { delay, type Clock } from '../../base/clock.ts';
import { hasImages, triggered } from './deployment-config-plan.ts';
import { resolveConfig, splitTag, streamsOfConfig } from './image-trigger-plan.ts';

export interface DeploymentRequest extends KubeObject {
  name?: string;
  /** Resolve the image triggers first. */
  latest?: boolean;
  /** Roll out even if nothing changed. */
  force?: boolean;
  excludeTriggers?: string[];
}

/** Starts the next version. Answers with the config as it is then; unchanged if there is nothing to roll out and nobody forced it. */
export async function instantiate(client: Client, clock: Clock, namespace: string, name: string, request: DeploymentRequest): Promise<DeploymentConfig> {
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

async function instantiateOnce(client: Client, namespace: string, name: string, request: DeploymentRequest): Promise<DeploymentConfig> {
  if (request.name && request.name !== name) throw badRequest(`the name of the request ("${request.name}") does not match the name of the deployment config ("${name}")`);
  let config = await client.get(deploymentConfigs, { name, namespace });
  if (config.spec.paused) throw invalid(deploymentConfigs, name, [invalidValue('spec.paused', true, `cannot deploy a paused deployment config "${name}"; resume it first`)]);
  if (request.latest) {
    const streams = await streamsOf(client, config);
    const resolved = resolveConfig(config, (where, stream) => streams.get(`${where}/${stream}`), { force: request.force === true, exclude: request.excludeTriggers ?? [] });
    if (resolved) config = await client.update(deploymentConfigs, resolved, { name, namespace });
  }
  const latestVersion = config.status?.latestVersion ?? 0;
  if (!hasImages(config)) throw badRequest(`cannot trigger a deployment for "${name}" because it contains unresolved images`);
  const latest = latestVersion > 0 ? await ifFound(client.get(replicationControllers, { name: rolloutName(name, latestVersion), namespace })) : undefined;
  const details = request.force ? { message: 'manual change', causes: [{ type: 'Manual' }] } : triggered(config, latest);
  if (!details) return config;
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
  spec?: {
    from?: { name?: string };
    /** 0: the version before the latest. */
    revision?: number;
    includeTriggers?: boolean;
    includeTemplate?: boolean;
    includeReplicationMeta?: boolean;
    includeStrategy?: boolean;
  };
}

/** The config as it would be after going back; the client writes it. Image triggers are switched off, or they would undo it at once. */
export async function rollback(client: Client, namespace: string, name: string, { spec = {} }: RollbackRequest): Promise<DeploymentConfig> {
  const config = await client.get(deploymentConfigs, { name, namespace });
  const latest = config.status?.latestVersion ?? 0;
  const target = spec.from?.name || rolloutName(name, spec.revision || latest - 1);
  const rollout = await ifFound(client.get(replicationControllers, { name: target, namespace }));
  const before = rollout && decodedConfig(rollout);
  if (!before) throw invalid(deploymentConfigs, name, [invalidValue('spec.revision', spec.revision ?? 0, `couldn't find a deployment "${target}" to roll back to`)]);
  if (latest === versionOf(rollout)) throw invalid(deploymentConfigs, name, [invalidValue('spec.revision', spec.revision ?? 0, `version ${latest} is already the latest`)]);
  const result = copyJson(config);
  if (spec.includeTriggers && before.spec.triggers) result.spec.triggers = before.spec.triggers;
  if (spec.includeTemplate && before.spec.template) result.spec.template = before.spec.template;
  if (spec.includeReplicationMeta) Object.assign(result.spec, { replicas: before.spec.replicas, selector: before.spec.selector });
  if (spec.includeStrategy && before.spec.strategy) result.spec.strategy = before.spec.strategy;
  for (const { imageChangeParams } of result.spec.triggers ?? []) if (imageChangeParams) imageChangeParams.automatic = false;
  return result;
}

/** Waits this long for a rollout that was just asked for to have a pod. */
const podWaitMs = 20_000;
const lookAgainMs = 250;

/** The pod whose log tells most: of the deployer while it works or if it failed, of the application once it is complete. */
export async function podForLog(client: Client, clock: Clock, namespace: string, name: string, query: URLSearchParams, signal: AbortSignal): Promise<Pod> {
  const config = await client.get(deploymentConfigs, { name, namespace });
  const latest = config.status?.latestVersion ?? 0;
  if (latest === 0) throw badRequest(`no deployment exists for deploymentConfig "${name}"`);
  const asked = query.get('version');
  const version = asked ? Number(asked) : query.get('previous') === 'true' ? latest - 1 : latest;
  if (!(version >= 1 && version <= latest)) throw badRequest(`there is no version ${asked ?? version} of deploymentConfig "${name}"; versions run from 1 to ${latest}`);
  const until = clock.now().getTime() + (query.get('nowait') === 'true' ? 0 : podWaitMs);
  for (;;) {
    const rollout = await ifFound(client.get(replicationControllers, { name: rolloutName(name, version), namespace }));
    const pod = rollout && (await podOf(client, rollout));
    if (pod && pod.status?.phase !== 'Pending') return pod;
    if (clock.now().getTime() >= until) {
      if (pod) return pod;
      throw timeout(`timed out waiting for deployment ${rolloutName(name, version)} to start`);
    }
    await delay(clock, lookAgainMs, signal);
  }
}

async function podOf(client: Client, rollout: ReplicationController): Promise<Pod | undefined> {
  const { name, namespace } = rollout.metadata;
  if (phaseOf(rollout) !== 'Complete') return ifFound(client.get(pods, { name: deployerPodName(name), namespace }));
  const { items } = await client.list(pods, { namespace, labelSelector: `${deploymentLabels.deployment}=${name}` });
  const [oldest] = items.filter(({ status }) => status?.phase === 'Running').sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1));
  if (oldest) return oldest;
  const deployer = await ifFound(client.get(pods, { name: deployerPodName(name), namespace }));
  if (!deployer) throw notFound(pods, `pods of ${name}`);
  return deployer;
}
