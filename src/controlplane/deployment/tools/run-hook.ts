/** Runs one hook of a rollout to its end. */
import type { LifecycleHook } from '../../../api/kinds/deployment-config.ts';
import { pods, type ReplicationController } from '../../../api/kinds/core.ts';
import { resourcePath } from '../../../api/resource.ts';
import { isStatusError } from '../../../api/status.ts';
import { makeHookPod, type HookName } from '../hooks.ts';
import type { RolloutTools } from './rollout-tools.ts';
import type { Scaler } from './scaler.ts';

const retryMs = 1_000;
/** A hook with policy Retry is tried this often; upstream would go on until the deployer's deadline. */
const mostAttempts = 20;
const longestHookMs = 6 * 3_600_000;

export interface HookOptions {
  tools: RolloutTools;
  scaler: Scaler;
  rollout: ReplicationController;
}

export async function runHook(name: HookName, hook: LifecycleHook | undefined, { tools, scaler, rollout }: HookOptions): Promise<void> {
  if (!hook) return;
  const { write } = tools;
  for (let attempt = 1; ; attempt += 1) {
    write(`--> ${name}: Running hook pod ...`);
    if (await succeeded()) {
      write(`--> ${name}: Success`);
      return;
    }
    if (hook.failurePolicy === 'Ignore') {
      write(`--> ${name}: Hook failed, ignoring: pod failed`);
      return;
    }
    if (hook.failurePolicy !== 'Retry' || attempt >= mostAttempts) throw new Error(`${name} hook failed: the ${name} hook failed: pod failed, aborting rollout of ${rollout.metadata.namespace}/${rollout.metadata.name}`);
    write(`--> ${name}: Retrying hook pod (retry #${attempt})`);
    await scaler.pause(retryMs);

    async function succeeded(): Promise<boolean> {
      const pod = makeHookPod(rollout, name, hook as LifecycleHook, attempt);
      const { namespace } = pod.metadata;
      try {
        await tools.client.create(pods, pod, { namespace });
      } catch (error) {
        // A deployer that ended in the middle had made it: its outcome counts.
        if (!isStatusError(error, 'AlreadyExists')) throw error;
      }
      const phase = await scaler.untilEnded(pod.metadata.name, longestHookMs);
      const log = await tools.client.raw('GET', resourcePath(pods, { namespace, name: pod.metadata.name, subresource: 'log' })).catch(() => '');
      for (const line of String(log ?? '').split('\n')) if (line !== '') write(line);
      return phase === 'Succeeded';
    }
  }
}
