/** A node's driver with its images, as its configuration says. */
import { join } from 'node:path';
import type { Log } from '../../base/log.ts';
import { detectToolchains } from '../../detect/toolchain.ts';
import { isInternal, type ImageReference } from '../../oci/reference.ts';
import { registryClient, registryClientFor, type RegistryClient } from '../../oci/registry-client.ts';
import { dialThroughProxy } from '../../oci/registry-connection.ts';
import type { AgentConfig } from '../../protocol/agent.ts';
import type { ImageRecord } from '../image/image-record.ts';
import { ImageStore } from '../image/image-store.ts';
import { prepareToolsImage } from '../image/tools-image.ts';
import { openCgroups } from './cgroup.ts';
import { openEngine } from './engine/open-engine.ts';
import { processRuntime } from './process/process-runtime.ts';
import type { ImageAuth, Runtime } from './runtime.ts';
import { sandboxRuntime } from './sandbox/sandbox-runtime.ts';

export interface RuntimeExtras {
  /** Process driver: `host:port` at which the registry is dialled, where its own name and address mean nothing. */
  registryAddress?(): string | undefined;
}

export async function openRuntime(config: AgentConfig, log: Log, extras: RuntimeExtras = {}): Promise<Runtime> {
  const { directory, bundles, nodeBinary, runtime: driver } = config;
  // Asking every toolchain takes longer than all else here: who needs the answer waits for it.
  const toolchains = detectToolchains().then((list) => [...new Set(list.flatMap(({ found, others }) => [...(found ? [found] : []), ...others].flatMap((one) => one.hostPaths)))], () => []);
  if (driver === 'engine') return openEngine(config, { registry: (reference, auth) => registryOf(config, reference, auth), toolchains: () => toolchains, log });
  const builtIn = new Map<string, ImageRecord>();
  const images = new ImageStore({
    directory: join(directory, 'images'), log, builtIn, form: driver === 'sandbox' ? 'overlay' : 'merged',
    registry: (reference, auth) => registryOf(config, reference, auth), toolchains: () => toolchains,
  });
  await images.clean();
  const tools = prepareToolsImage({ bundles, nodeBinary, layers: images.layers });
  builtIn.set(tools.id, tools);
  const common = { directory: join(directory, 'runtime'), bundles, nodeBinary, images, log };
  switch (driver) {
    case 'sandbox':
      return sandboxRuntime({ ...common, cgroups: openCgroups(), toolchains: () => toolchains, podCidr: config.network.podCidr, nodeIp: config.network.nodeIp });
    case 'process':
      return processRuntime({ ...common, registryAddress: extras.registryAddress ?? (() => undefined) });
  }
}

/** Our own registry through its socket, with TLS checked against our CA; others through the egress proxy, the one way out that every node has. */
function registryOf(config: AgentConfig, reference: ImageReference, auth: ImageAuth | undefined): RegistryClient {
  const credentials = auth && { auth };
  if (isInternal(reference)) return registryClient({ baseUrl: `https://${reference.host}`, socketPath: config.registrySocket, ca: config.caCertificate, ...credentials });
  return registryClientFor(reference, { ...credentials, ...(config.egressSocket !== '' && { dial: dialThroughProxy({ socketPath: config.egressSocket }) }) });
}
