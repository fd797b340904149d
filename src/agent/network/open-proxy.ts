/** The service proxy of a node with a network of its own: the kernel's rules where they can be used, or connections relayed by this process. */
import type { Log } from '../../base/log.ts';
import type { AgentConfig } from '../../protocol/agent.ts';
import type { AddressRules } from './address.ts';
import { kernelProxy, type TellOfRules } from './kernel/kernel-proxy.ts';
import { probeNft } from './kernel/nft.ts';
import { applySettings } from './kernel/settings.ts';
import { LocalAddresses } from './local-addresses.ts';
import { serviceProxy, type ServiceProxy } from './service-proxy.ts';

export interface OpenedProxy {
  proxy: ServiceProxy;
  /** Path of `nft`, or why the kernel's rules are not used. */
  kernel: { program: string } | { why: string };
}

/** `tell`: when that changes while it runs. */
export async function openProxy(config: AgentConfig, rules: AddressRules, log: Log, tell?: TellOfRules): Promise<OpenedProxy> {
  const { network, nodeName } = config;
  applySettings(log);
  const kernel = network.proxy === 'relay' ? { why: 'relaying was asked for' } : await probeNft();
  const common = {
    ...rules, node: nodeName, log, foreign: new LocalAddresses(),
    sockets: [
      { address: network.apiService, to: config.apiSocket },
      { address: network.registryService, to: config.registrySocket },
    ],
  };
  if ('program' in kernel) {
    log.info('service addresses are translated by the kernel');
    return { kernel, proxy: kernelProxy({ ...common, program: kernel.program, ...(tell && { tell }), serviceCidr: network.serviceCidr, podCidr: network.podCidr }) };
  }
  log.info('service addresses are relayed', { why: kernel.why });
  return { kernel, proxy: serviceProxy({ ...common, mode: 'cluster' }) };
}
