/** Network policies of a node in the kernel. */
import { systemAddresses } from '../../../api/well-known.ts';
import type { AgentConfig } from '../../../protocol/agent.ts';
import { addressIn, nodeAddresses, parseCidr } from '../../holder/node-network.ts';
import { KernelTable } from '../kernel/nft.ts';
import type { Isolations } from './policy-plan.ts';
import { policyRules } from './policy-rules.ts';

const tableName = 'slipway-policies';

/** Without policies there is no table: packets pass nothing more. */
export function policyTable(program: string, { podCidr, nodeIp, serviceCidr, clusterDns, apiService, registryService, egressProxy }: AgentConfig['network']): (isolations: Isolations) => Promise<void> {
  const table = new KernelTable(program, tableName);
  const { base, prefix } = parseCidr(podCidr);
  const host = (address: string) => address.slice(0, address.lastIndexOf(':'));
  const options = {
    nodes: nodeAddresses,
    // The way out asks the policies itself, since only it knows where a connection ends.
    own: [nodeIp, addressIn(podCidr, 1), egressProxy === '' ? systemAddresses.egress : host(egressProxy)],
    serviceCidr,
    served: [...new Set([clusterDns, host(apiService), host(registryService)])],
    local: (ip: string) => parseCidr(`${ip}/${prefix}`).base === base,
  };
  return (isolations) => (isolations.size === 0 ? table.remove() : table.set(policyRules(isolations, options)));
}
