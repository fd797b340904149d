import { expect, test } from 'vitest';
import { addressIn, formatAddress, hardwareAddress, nodeAddress, nodeLines, parseCidr } from '../../../../src/agent/holder/node-network.ts';
import { explain } from '../../../../src/agent/holder/probe.ts';
import { AddressPool } from '../../../../src/agent/runtime/sandbox/address-pool.ts';

test.each([['10.128.2.0/23', 1, '10.128.2.1'], ['10.128.3.7/23', 0, '10.128.2.0'], ['172.30.0.0/16', 10, '172.30.0.10'], ['255.255.255.255/32', 0, '255.255.255.255']])('%s + %d', (cidr, offset, address) => {
  expect(addressIn(cidr, offset)).toBe(address);
});

test.each(['10.128.0.0', '10.128.0.0/33', '10.256.0.0/8', 'x/8', ''])('%s is no range', (text) => expect(() => parseCidr(text)).toThrow(RangeError));

test('addresses', () => {
  expect(formatAddress(0xffffffff)).toBe('255.255.255.255');
  expect(hardwareAddress('10.128.0.2')).toBe('0a:58:0a:80:00:02');
  expect(nodeAddress(1)).toBe('100.64.0.2');
  for (const index of [0, 253, 1.5]) expect(() => nodeAddress(index)).toThrow(RangeError);
});

test('a node is one port of the machine, its pods are routed to it, services are local to it', () => {
  const { machine, node } = nodeLines({ index: 2, podCidr: '10.128.2.0/23', netns: '/run/x/node-2', ip: '100.64.0.3' }, '172.30.0.0/16');
  expect(machine).toEqual(['link add n2 type veth peer name eth0 address 0a:58:64:40:00:03 netns /run/x/node-2', 'link set n2 master slipway0 up', 'route replace 10.128.2.0/23 via 100.64.0.3']);
  expect(node).toContain('route add local 172.30.0.0/16 dev lo');
  expect(node).toContain('addr add 10.128.2.1/23 dev pods0');
});

test('pod addresses: neither the bridge’s nor the broadcast, those given back last', () => {
  const pool = new AddressPool('10.0.0.0/29');
  pool.keep('10.0.0.3');
  const taken = Array.from({ length: 4 }, () => pool.take());
  expect(taken).toEqual(['10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.0.2']);
  expect(pool.take()).toBeUndefined();
  pool.give('10.0.0.5');
  pool.give('10.0.0.4');
  expect(pool.take()).toBe('10.0.0.4');
});

test.each([
  [{ 'kernel/apparmor_restrict_unprivileged_userns': '1' }, /AppArmor/, /sysctl -w kernel\.apparmor/],
  [{ 'user/max_user_namespaces': '0' }, /no user namespaces/, /max_user_namespaces=/],
  [{ 'kernel/unprivileged_userns_clone': '0' }, /switched off/, /userns_clone=1/],
  [{ 'user/max_net_namespaces': '0' }, /network/, /max_net/],
  [{}, /^it failed$/, /--runtime process/],
])('a refusal is explained by %j', (settings, why, fix) => {
  const found = explain('it failed', (name) => (settings as Record<string, string>)[name]);
  expect(found.why).toMatch(why);
  expect(found.fix).toMatch(fix);
});
