/** An agent reduced to its runtime and network, for tests: runs inside the holder, in a node's network, or as a plain process. */
import { startClusterNetwork } from './cluster-network.ts';
import type { ServiceTable } from '../../../src/agent/network/service-table.ts';
import { openRuntime } from '../../../src/agent/runtime/open-runtime.ts';
import { jsonLog } from '../../../src/base/log.ts';
import type { AgentConfig } from '../../../src/protocol/agent.ts';
import { serve, type Methods } from './rpc.ts';
import { runtimeMethods } from './runtime-methods.ts';

async function main(): Promise<void> {
  const config = JSON.parse(process.argv[2] ?? '{}') as AgentConfig;
  const log = jsonLog((line) => void process.stderr.write(`${line}\n`), 'warn', 'agent');
  const runtime = await openRuntime(config, log);
  const methods = runtimeMethods(runtime);
  if (config.runtime === 'sandbox') {
    const pods = new Map<string, string>();
    const network = await startClusterNetwork(config, log, (ip) => pods.get(ip));
    Object.assign(methods, {
      services: (table: ServiceTable) => network.update(table),
      pod: (ip: string, namespace: string) => void pods.set(ip, namespace),
    } satisfies Methods);
  }
  if (runtime.inside) Object.assign(methods, { services: (table: ServiceTable) => runtime.inside?.updateServices(table) } satisfies Methods);
  // Gone with its control plane, so that the next one can start another.
  process.stdin.once('end', () => process.exit(0));
  serve(methods, process.stdin, process.stdout);
  process.stdout.write('ready\n');
}

main().catch((error: unknown) => {
  process.stderr.write(`${(error as Error).stack ?? String(error)}\n`);
  process.exit(1);
});
