/** Runs one hook of a rollout to its end. Words and order of OpenShift's deployer. */
import { decodedConfig } from '../../../api/config-rollout.ts';
import type { LifecycleHook } from '../../../api/kinds/deployment-config.ts';
import { imageStreamTags, type ImageStreamTag } from '../../../api/kinds/image.ts';
import { pods, type Pod, type ReplicationController } from '../../../api/kinds/core.ts';
import { isStatusError } from '../../../api/status.ts';
import { makeHookPod, type HookName } from '../hooks.ts';
import type { RolloutTools } from './rollout-tools.ts';
import type { Scaler } from './scaler.ts';

/** The pod's own deadline ends it much earlier. */
const longestHookMs = 24 * 3_600_000;

export interface HookOptions {
  tools: RolloutTools;
  scaler: Scaler;
  rollout: ReplicationController;
}

export async function runHook(name: HookName, hook: LifecycleHook | undefined, { tools, scaler, rollout }: HookOptions): Promise<void> {
  if (!hook) return;
  const { namespace, name: rolloutName } = rollout.metadata;
  const tell = (type: 'normal' | 'warning', reason: string, message: string) => tools.event(type, decodedConfig(rollout) ?? rollout, reason, message);
  const of = `rc ${namespace}/${rolloutName}`;
  try {
    if (hook.tagImages?.length) {
      tell('normal', 'Started', `Running ${name}-hook (TagImages) ${hook.tagImages.map(({ containerName, to }) => `image "${imageOf(rollout, containerName)}" as "${to.name}"`).join(',')} for ${of}`);
      await tagImages(name, hook.tagImages, rollout, tools);
    } else {
      tell('normal', 'Started', `Running ${name}-hook ("${hook.execNewPod?.command.join(' ')}") for ${of}`);
      await execNewPod(name, hook, rollout, tools, scaler);
    }
    tell('normal', 'Completed', `The ${name}-hook for ${of} completed successfully`);
  } catch (error) {
    tools.signal.throwIfAborted();
    const why = (error as Error).message;
    if (hook.failurePolicy === 'Ignore') {
      tell('warning', 'Failed', `The ${name}-hook failed: ${why} (ignore), rollout of ${namespace}/${rolloutName} will continue`);
      tools.write(`--> ${name}: Hook failed (ignored): ${why}`);
      return;
    }
    // With Retry the node has tried again and again until the pod's time was over.
    tell('warning', 'Failed', `The ${name}-hook failed: ${why}, aborting rollout of ${namespace}/${rolloutName}`);
    throw new Error(`${name} hook failed: the ${name} hook failed: ${why}, aborting rollout of ${namespace}/${rolloutName}`, { cause: error });
  }
}

function imageOf({ spec }: ReplicationController, container: string): string | undefined {
  return [...(spec.template?.spec?.containers ?? []), ...(spec.template?.spec?.initContainers ?? [])].find(({ name }) => name === container)?.image;
}

/** Puts images of the rollout under tags; a stream that is not there is made. */
async function tagImages(name: HookName, actions: NonNullable<LifecycleHook['tagImages']>, rollout: ReplicationController, { client, write }: RolloutTools): Promise<void> {
  const failures: string[] = [];
  for (const { containerName, to } of actions) {
    const image = imageOf(rollout, containerName);
    const namespace = to.namespace || rollout.metadata.namespace;
    if (!image) {
      failures.push(`unable to find image for container "${containerName}", container could not be found`);
      continue;
    }
    const tag = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamTag', metadata: { name: to.name ?? '', namespace: namespace ?? '' }, tag: { from: { kind: 'DockerImage', name: image } } };
    try {
      await client.update<ImageStreamTag>(imageStreamTags, tag);
      write(`--> ${name}: Tagged "${image}" into ${namespace}/${to.name}`);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  if (failures.length > 0) throw new Error(failures.join(', '));
}

async function execNewPod(name: HookName, hook: LifecycleHook, rollout: ReplicationController, tools: RolloutTools, scaler: Scaler): Promise<void> {
  const { write, signal } = tools;
  const wanted = makeHookPod(rollout, name, hook, tools.began, tools.clock.now());
  const at = { namespace: wanted.metadata.namespace ?? '', name: wanted.metadata.name };
  const created = await create(wanted, tools);
  if (created) write(`--> ${name}: Running hook pod ...`);
  let seen = false;
  const look = (): Pod | undefined => {
    const pod = scaler.pod(at.name);
    if (!pod && seen) throw new Error(`${name}: pod/${at.name}[${at.namespace}] unexpectedly deleted`);
    seen ||= pod !== undefined;
    return pod;
  };
  /** Run of the container whose log was written last, from 0. */
  let run = -1;
  for (;;) {
    await scaler.until(longestHookMs, () => {
      const pod = look();
      return pod !== undefined && (isOver(pod) !== undefined || (pod.status?.phase === 'Running' && restarts(pod) > run));
    });
    const pod = look();
    if (!pod) throw new Error(`${name}: pod/${at.name}[${at.namespace}] did not end in time`);
    const over = isOver(pod);
    if (over && !created && run < 0) {
      if (over === 'Succeeded') return write(`--> ${name}: Hook pod already succeeded`);
    } else if (run < 0 || restarts(pod) > run) {
      if (restarts(pod) > Math.max(run, 0)) write(`--> ${name}: Retrying hook pod (retry #${restarts(pod)})`);
      run = restarts(pod);
      await copyLog(at, tools);
    }
    signal.throwIfAborted();
    if (over === 'Succeeded') return write(`--> ${name}: Success`);
    if (over === 'Failed') {
      write(`--> ${name}: Failed`);
      throw new Error(pod.status?.message || failure(pod));
    }
  }
}

/** False if the pod of a deployer that ended in the middle is there: its outcome counts. */
async function create(pod: Pod, { client }: RolloutTools): Promise<boolean> {
  try {
    await client.create(pods, pod, { namespace: pod.metadata.namespace });
    return true;
  } catch (error) {
    if (isStatusError(error, 'AlreadyExists')) return false;
    throw new Error(`couldn't create lifecycle pod for ${pod.metadata.annotations?.['openshift.io/deployment.name']}: ${(error as Error).message}`, { cause: error });
  }
}

const restarts = ({ status }: Pod): number => status?.containerStatuses?.[0]?.restartCount ?? 0;

function isOver({ status }: Pod): 'Succeeded' | 'Failed' | undefined {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed' ? status.phase : undefined;
}

function failure({ status }: Pod): string {
  const ended = status?.containerStatuses?.[0]?.state?.terminated;
  return ended ? `the hook pod ended with exit code ${ended.exitCode}` : (status?.reason ?? 'the hook pod failed');
}

async function copyLog(at: { namespace: string; name: string }, { follow, write, signal }: RolloutTools): Promise<void> {
  try {
    for await (const line of follow(at, signal)) write(line);
  } catch (error) {
    if (!signal.aborted) write(`warning: Unable to retrieve hook logs from ${at.name}: ${(error as Error).message}`);
  }
}
