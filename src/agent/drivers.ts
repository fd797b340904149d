/** Opens the runtime that the configuration names, with the images it runs. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Log } from '../base/log.ts';
import { detectToolchains } from '../detect/toolchain.ts';
import { isInternal } from '../oci/reference.ts';
import { dialThroughProxy } from '../oci/registry-connection.ts';
import { registryClientFor } from '../oci/registry-client.ts';
import type { AgentConfig } from '../protocol/agent.ts';
import type { ImageRecord } from './image/image-record.ts';
import { ImageStore } from './image/image-store.ts';
import { prepareToolsImage } from './image/tools-image.ts';
import type { Runtime } from './runtime/runtime.ts';
import { sandboxRuntime } from './runtime/sandbox/sandbox-runtime.ts';

export async function openRuntime(config: AgentConfig, log: Log): Promise<Runtime> {
  const builtIn = new Map<string, ImageRecord>();
  const folder = path.join(config.directory, 'images');
  const images = new ImageStore({
    directory: folder,
    log,
    builtIn,
    registry: (reference, auth) =>
      registryClientFor(reference, {
        ...(auth && { auth }),
        // From inside, the registry is behind its socket and everything else behind the one to the outside.
        ...(isInternal(reference) ? { socketPath: config.registrySocket, ca: config.caCertificate } : { dial: dialThroughProxy({ socketPath: config.egressSocket }) }),
      }),
    toolchains: hostToolchains,
  });
  await mkdir(images.layers, { recursive: true, mode: 0o700 });
  const tools = prepareToolsImage({ bundles: config.bundles, nodeBinary: config.nodeBinary, layers: images.layers, hostPaths: [] });
  builtIn.set(tools.id, tools);
  // Looking for toolchains takes longer than everything else here, and only builds need what it finds.
  void hostToolchains().then(
    (hostPaths) => builtIn.set(tools.id, { ...tools, hostPaths: [...hostPaths] }),
    (error: unknown) => log.warn('cannot look for toolchains', { error }),
  );
  const common = { directory: path.join(config.directory, 'runtime'), bundles: config.bundles, nodeBinary: config.nodeBinary, images, log };
  switch (config.runtime) {
    case 'sandbox':
      return sandboxRuntime({ ...common, podCidr: config.network.podCidr, nodeIp: config.network.nodeIp });
    default:
      throw new Error(`the runtime "${config.runtime}" is not part of this agent`);
  }
}

/** Folders of this machine's toolchains outside `/usr`. */
async function hostToolchains(): Promise<readonly string[]> {
  return [...new Set((await detectToolchains()).flatMap(({ found }) => found?.hostPaths ?? []))];
}
