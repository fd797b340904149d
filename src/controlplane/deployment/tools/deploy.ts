/** The program of deployer pods: takes a deployment config's pods from one replication controller to the next. */
import { replicationControllers } from '../../../api/kinds/core.ts';
import { systemClock } from '../../../base/clock.ts';
import { inClusterClient } from './in-cluster.ts';
import { runRollout } from './run-rollout.ts';

/** Resolves to the exit code; what it does is told on standard output, why it failed on standard error. */
export async function runDeployer(environment: NodeJS.ProcessEnv): Promise<number> {
  const abort = new AbortController();
  const stop = () => abort.abort(new Error('the deployer was told to stop'));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  const name = environment.OPENSHIFT_DEPLOYMENT_NAME;
  const namespace = environment.OPENSHIFT_DEPLOYMENT_NAMESPACE;
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  try {
    if (!name) throw new Error('OPENSHIFT_DEPLOYMENT_NAME is required');
    if (!namespace) throw new Error('OPENSHIFT_DEPLOYMENT_NAMESPACE is required');
    const client = await inClusterClient(environment);
    try {
      const rollout = await client.get(replicationControllers, { name, namespace });
      await runRollout(rollout, { client, clock: systemClock, write, signal: abort.signal });
    } finally {
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
