/** The program of deployer pods: takes a deployment config's pods from one replication controller to the next. */
import { parseArgs } from 'node:util';
import { deployerPodName } from '../../../api/config-rollout.ts';
import { replicationControllers } from '../../../api/kinds/core.ts';
import { systemClock } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';
import { eventRecorder } from '../../../client/event-recorder.ts';
import { clientOver } from '../../../client/http-client.ts';
import { logLines } from '../../../client/log-stream.ts';
import { inClusterTransport } from './in-cluster.ts';
import { runRollout } from './run-rollout.ts';

const clock = systemClock;

/**
 * Resolves to the exit code; what it does is told on standard output, why it failed on standard error.
 * `args`: `--until=CONDITION`, `--deployment=NAME`, `--namespace=PROJECT`, as `openshift-deploy` knows them.
 */
export async function runDeployer(environment: NodeJS.ProcessEnv, args: readonly string[] = []): Promise<number> {
  const abort = new AbortController();
  const stop = () => abort.abort(new Error('the deployer was told to stop'));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  try {
    const { name, namespace, until } = read(args, environment);
    const over = await inClusterTransport(environment);
    const client = clientOver(over);
    // A rollout without hooks and warnings needs none.
    let recorder: (ReturnType<typeof eventRecorder> & Disposable) | undefined;
    try {
      const rollout = await client.get(replicationControllers, { name, namespace });
      await runRollout(rollout, {
        client, clock, until, signal: abort.signal, began: clock.now(),
        write: (line) => void process.stdout.write(`${line}\n`),
        async *follow(pod, signal) {
          for await (const { text } of logLines(over, { namespace: pod.namespace, pod: pod.name }, { follow: true, signal }, clock)) yield text;
        },
        event: (type, about, reason, message) => (recorder ??= eventRecorder(client, deployerPodName(name), clock))[type](about, reason, message),
      });
    } finally {
      await recorder?.flush();
      await recorder?.dispose();
      await client.dispose();
    }
    return 0;
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
  }
}

function read(args: readonly string[], environment: NodeJS.ProcessEnv): { name: string; namespace: string; until: string | undefined } {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ args: [...args], options: { until: text, deployment: text, namespace: text } });
  const name = values.deployment ?? environment.OPENSHIFT_DEPLOYMENT_NAME;
  const namespace = values.namespace ?? environment.OPENSHIFT_DEPLOYMENT_NAMESPACE;
  if (!name) throw new Error('--deployment or OPENSHIFT_DEPLOYMENT_NAME is required');
  if (!namespace) throw new Error('--namespace or OPENSHIFT_DEPLOYMENT_NAMESPACE is required');
  return { name, namespace, until: values.until };
}
