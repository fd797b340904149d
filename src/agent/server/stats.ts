/** What the pods of this node use now. */
import type { Pod } from '../../api/kinds/core.ts';
import type { AgentStats } from '../../protocol/agent.ts';
import type { RuntimeCache } from '../pods/runtime-cache.ts';
import type { Runtime } from '../runtime/runtime.ts';

export async function nodeStats(runtime: Runtime, cache: RuntimeCache, pods: readonly Pod[]): Promise<AgentStats> {
  const measured = await Promise.all(pods.map(async ({ metadata }) => {
    const { containers } = cache.observe(metadata.uid ?? '');
    const stats = await Promise.all(containers.filter(({ state }) => state === 'running').map(async ({ id, name }) => {
      const used = await runtime.stats(id).catch(() => undefined);
      return used ? [{ name, cpuNanoseconds: used.cpuNanoseconds, workingSetBytes: used.workingSetBytes }] : [];
    }));
    return { namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid ?? '', containers: stats.flat() };
  }));
  const running = measured.filter(({ containers }) => containers.length > 0);
  const all = running.flatMap(({ containers }) => containers);
  return {
    node: { cpuNanoseconds: sum(all.map((one) => one.cpuNanoseconds)), workingSetBytes: sum(all.map((one) => one.workingSetBytes)) },
    pods: running,
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
