/** The node agent: configuration, then the parts in order. Ends with its pods running, unless the control plane was gone for too long. */
import { systemClock } from '../base/clock.ts';
import { jsonLog } from '../base/log.ts';
import { tidyMemoryOnce } from '../client/daemon/tidy-memory.ts';
import { httpClient } from '../client/http-client.ts';
import { agentConfigVariable, partVariable, type AgentConfig } from '../protocol/agent.ts';
import { startAgent } from './agent.ts';
import { openRuntime } from './runtime/open-runtime.ts';
import { startNodeNetwork } from './services/node-network.ts';

async function main(): Promise<void> {
  const config = JSON.parse(process.env[agentConfigVariable] ?? '{}') as AgentConfig;
  // Pods inherit nothing of it, and it carries a token.
  delete process.env[agentConfigVariable];
  // They outlive it, too.
  delete process.env[partVariable];
  const log = jsonLog((line) => void process.stderr.write(`${line}\n`), 'info', `agent.${config.nodeName}`);
  const client = httpClient({
    server: 'https://kubernetes.default.svc', socketPath: config.apiSocket, ca: config.caCertificate, token: config.token, userAgent: `slipway-agent/${config.nodeName}`, maxSockets: 32,
  });
  let registryAddress: () => string | undefined = () => undefined;
  const runtime = await openRuntime(config, log, { registryAddress: () => registryAddress() });
  let namespaceOf: (ip: string) => string | undefined = () => undefined;
  const { inside } = runtime;
  // A node inside an engine has the addresses that the engine gave it.
  if (inside) Object.assign(config.network, { nodeIp: inside.ip, podCidr: inside.podCidr });
  const network = await startNodeNetwork({ config, client, inside, namespaceOf: (ip) => namespaceOf(ip), clock: systemClock, log });
  registryAddress = () => {
    const [host = '', port = ''] = config.network.registryService.split(':');
    const found = config.runtime === 'process' ? network.addressOf(host, Number(port), 'TCP') : undefined;
    return found && `${found.host}:${found.port}`;
  };
  const agent = await startAgent({ config, runtime, client, services: network.services, addressOf: network.addressOf, egress: network.egress, admit: network.admit, drain: network.drain, follow: network.follow, clock: systemClock, log });
  namespaceOf = agent.namespaceOf;
  tidyMemoryOnce();

  const stop = async () => {
    await agent.dispose();
    await network.dispose();
    await runtime.dispose();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());
  void agent.abandoned.then(stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
