import { afterEach, expect, test } from 'vitest';
import type { ServiceEntry } from '../../../../src/agent/network/service-table.ts';
import { healthOf, HealthPorts } from '../../../../src/agent/services/health-ports.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { eventually } from '../../../support/eventually.ts';
import { freePort } from '../../../support/free-port.ts';

const entry = (nodes: [string, boolean?][], healthPort?: number): ServiceEntry => {
  const endpoints = nodes.map(([node, ready = true], at) => ({ ip: `10.0.0.${at}`, port: 80, ready, node }));
  return { namespace: 'demo', name: 'web', clusterIPs: [], publishNotReady: false, ports: [{ name: 'a', protocol: 'TCP', port: 80, endpoints }, { name: 'b', protocol: 'TCP', port: 81, endpoints }], ...(healthPort && { healthPort }) };
};

test.each<[string, [string, boolean?][], string | undefined, number, number]>([
  ['its own, once each', [['node-1'], ['node-1'], ['node-2']], 'node-1', 200, 2],
  ['none', [['node-2']], 'node-1', 503, 0],
  ['none that is ready', [['node-1', false]], 'node-1', 503, 0],
  ['those of all nodes', [['node-1'], ['node-2']], undefined, 200, 2],
])('a node tells of its endpoints: %s', (_, nodes, node, status, count) => {
  expect(healthOf(entry(nodes), node)).toMatchObject({ status, endpoints: count });
});

let ports: HealthPorts | undefined;
afterEach(() => ports?.dispose());

test('is asked at a port as long as the service has it', async () => {
  const port = await freePort();
  ports = new HealthPorts('node-1', silentLog);
  const ask = () => fetch(`http://127.0.0.1:${port}/any`, { headers: { Connection: 'close' } }).then(async (response) => [response.status, response.headers.get('x-load-balancing-endpoint-weight'), await response.json()], () => 'nobody');
  ports.update([entry([['node-1']], port)]);
  await eventually(ask).toEqual([200, '1', { service: { namespace: 'demo', name: 'web' }, localEndpoints: 1, serviceProxyHealthy: true }]);
  ports.update([entry([], port)]);
  await eventually(ask).toEqual([503, '0', { service: { namespace: 'demo', name: 'web' }, localEndpoints: 0, serviceProxyHealthy: true }]);
  ports.update([entry([])]);
  await eventually(ask).toBe('nobody');
});
