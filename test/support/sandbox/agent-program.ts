/** An agent reduced to its runtime and network, for tests: runs inside the holder, in a node's network. */
import { join } from 'node:path';
import { ImageStore } from '../../../src/agent/image/image-store.ts';
import { prepareToolsImage } from '../../../src/agent/image/tools-image.ts';
import { sandboxRuntime } from '../../../src/agent/runtime/sandbox/sandbox-runtime.ts';
import { jsonLog } from '../../../src/base/log.ts';
import { registryClientFor } from '../../../src/oci/registry-client.ts';
import { serve } from './rpc.ts';
import { runtimeMethods } from './runtime-methods.ts';

export interface AgentProgramConfig {
  directory: string;
  podCidr: string;
  nodeIp: string;
  bundles: string;
  nodeBinary: string;
}

async function main(): Promise<void> {
  const config = JSON.parse(process.argv[2] ?? '{}') as AgentProgramConfig;
  const log = jsonLog((line) => void process.stderr.write(`${line}\n`), 'warn', 'agent');
  const layers = join(config.directory, 'images', 'layers');
  const builtIn = new Map();
  const images = new ImageStore({ directory: join(config.directory, 'images'), log, builtIn, registry: (reference) => registryClientFor(reference) });
  const tools = prepareToolsImage({ bundles: config.bundles, nodeBinary: config.nodeBinary, layers, hostPaths: [] });
  builtIn.set(tools.id, tools);
  const runtime = await sandboxRuntime({ ...config, directory: join(config.directory, 'runtime'), images, log });
  serve(runtimeMethods(runtime), process.stdin, process.stdout);
  process.stdout.write('ready\n');
}

main().catch((error: unknown) => {
  process.stderr.write(`${(error as Error).stack ?? String(error)}\n`);
  process.exit(1);
});
