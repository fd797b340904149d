/** The engine driver of a node, as its configuration says: finds out what the engine sees of this machine, and which image the platform's own programs run from. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../../base/log.ts';
import type { ImageReference } from '../../../oci/reference.ts';
import type { RegistryClient } from '../../../oci/registry-client.ts';
import type { AgentConfig } from '../../../protocol/agent.ts';
import type { ImageAuth } from '../runtime.ts';
import { engineClient } from './engine-client.ts';
import { engineLimits, type EngineInfo } from './engine-limits.ts';
import { EngineImages, type EngineImagesOptions } from './engine-images.ts';
import { knownMachine, lookAtMachine, pathAtEngine, rememberMachine, type EngineMachine } from './engine-machine.ts';
import { engineRuntime, type EngineRuntime } from './engine-runtime.ts';
import { systemAddresses, toolsImage } from '../../../api/well-known.ts';

export interface OpenEngineParts {
  registry(reference: ImageReference, auth: ImageAuth | undefined): RegistryClient;
  toolchains(): Promise<readonly string[]>;
  log: Log;
}

/** Runs the platform's own programs where this machine's cannot be mounted: a shell, `ip` and Node.js. */
export const foreignTools = 'docker.io/library/node:24-alpine';

export async function openEngine(config: AgentConfig, { registry, toolchains, log }: OpenEngineParts): Promise<EngineRuntime> {
  const { engine: wanted, network, bundles, nodeBinary } = config;
  if (!wanted) throw new Error('the agent was not told which container engine to use');
  const directory = join(config.directory, 'runtime');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const engine = await engineClient(wanted.address);
  const owner = { home: wanted.home, node: config.nodeName };
  const images = (machine: EngineMachine): Omit<EngineImagesOptions, 'engine' | 'home' | 'log'> => ({
    directory: join(config.directory, 'images'), bundles, nodeBinary, registry, toolchains,
    foreign: machine.same ? undefined : (wanted.toolsImage ?? foreignTools),
    place: (path) => pathAtEngine(path, machine.folders),
  });
  const key = `${wanted.address.url} ${engine.version} ${wanted.toolsImage ?? ''}`;
  const look = async (guess: EngineMachine) => {
    const image = await new EngineImages({ ...images(guess), engine, home: owner.home, log }).runnable(toolsImage);
    return lookAtMachine({ engine, owner, directory, image: { name: image.name, binds: guess.same ? image.binds : [] } });
  };
  let machine = await knownMachine(directory, key);
  if (!machine) {
    const own = process.platform === 'linux' && wanted.toolsImage === undefined ? await look({ folders: 'same', same: true }) : undefined;
    machine = own?.same ? own : { ...(await look({ folders: 'same', same: false })), same: false };
    if (machine.folders === 'none') throw new Error(`the container engine (${wanted.address.source}) cannot see the folder ${config.directory}: it runs in a virtual machine or elsewhere. Share the folder with it (Docker Desktop: Settings, Resources, File sharing), or keep the platform below your home folder`);
    await rememberMachine(directory, key, machine);
  }
  const { folders } = machine;
  const limits = engineLimits(await engine.call<EngineInfo>('GET', '/info'));
  return engineRuntime({
    engine, owner, limits, directory, agentDirectory: config.directory, serviceCidr: network.serviceCidr, images: images(machine), pathAtEngine: (path) => pathAtEngine(path, folders), log,
    node: {
      sockets: { api: config.apiSocket, registry: config.registrySocket }, alwaysRelay: wanted.relay ?? false,
      setting: { apiService: network.apiService, registryService: network.registryService, clusterDns: network.clusterDns, clusterDomain: network.clusterDomain, hostAddress: systemAddresses.host },
    },
  });
}
