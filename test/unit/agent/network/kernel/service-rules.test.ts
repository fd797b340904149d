import { describe, expect, test } from 'vitest';
import { changeScript, makeScript, type NftTable } from '../../../../../src/agent/network/kernel/nft-table.ts';
import { serviceRules, UdpZones } from '../../../../../src/agent/network/kernel/service-rules.ts';
import type { Listener } from '../../../../../src/agent/network/service-table.ts';

const ranges = { serviceCidr: '172.30.0.0/16', podCidr: '10.128.0.0/23' };
const listener = (more: Partial<Listener> = {}): Listener => ({ service: 'demo/web', portName: 'http', protocol: 'TCP', host: '172.30.1.1', port: 80, targets: [{ ip: '10.128.0.2', port: 8080 }], ...more });
const two = [{ ip: '10.128.0.2', port: 8080 }, { ip: '10.128.0.3', port: 8080 }];
const rules = (listeners: Listener[], zones = new UdpZones(7)) => serviceRules(listeners, zones, ranges);
/** Chains have names of their own: told by what they hold. */
const chainsOf = ({ chains }: NftTable) => [...chains].filter(([name]) => /^[se]-/.test(name)).map(([, lines]) => lines);
const elements = ({ sets }: NftTable, name: string) => [...(sets.get(name)?.elements ?? [])].map(([key, value]) => `${key}${value && ` : ${value}`}`.replace(/-[0-9a-f]{16}/g, ''));

describe('rules of service addresses', () => {
  test('lead to the endpoints in turn', () => {
    const table = rules([listener({ targets: two }), listener({ service: 'demo/one', host: '172.30.1.2' })]);
    expect(chainsOf(table)).toEqual([['meta l4proto tcp dnat ip to numgen inc mod 2 map { 0 : 10.128.0.2 . 8080, 1 : 10.128.0.3 . 8080 }'], ['meta l4proto tcp dnat ip to 10.128.0.2:8080']]);
    expect(elements(table, 'addresses')).toEqual(['172.30.1.1 . tcp . 80 : goto s', '172.30.1.2 . tcp . 80 : goto s']);
    expect(elements(table, 'hairpins')).toEqual(['10.128.0.2 . 10.128.0.2', '10.128.0.3 . 10.128.0.3']);
  });

  test('share a chain between the addresses of a port, not with its node port', () => {
    const table = rules([listener(), listener({ host: '192.0.2.1' }), listener({ host: '0.0.0.0', port: 30_080 })]);
    expect(chainsOf(table)).toHaveLength(2);
    expect(elements(table, 'node-ports')).toEqual(['tcp . 30080 : goto s']);
    expect(elements(rules([listener({ targets: [], idle: true })]), 'addresses')).toEqual([]);
  });

  test('keep a client with its endpoint', () => {
    const table = rules([listener({ targets: two, affinitySeconds: 60 })]);
    const lines = chainsOf(table).map((chain) => chain.map((rule) => rule.replace(/[0-9a-f]{16}/g, '…')));
    expect(lines).toEqual([
      ['update @a-… { ip saddr }', 'meta l4proto tcp dnat to 10.128.0.2:8080'],
      ['update @a-… { ip saddr }', 'meta l4proto tcp dnat to 10.128.0.3:8080'],
      ['ip saddr @a-… goto e-…', 'ip saddr @a-… goto e-…', 'numgen inc mod 2 vmap { 0 : goto e-…, 1 : goto e-… }'],
    ]);
  });

  test('give a UDP address another zone when it loses an endpoint, or had none', () => {
    const zones = new UdpZones(7);
    const zone = (targets: Listener['targets']) => elements(rules(targets.length > 0 ? [listener({ protocol: 'UDP', targets })] : [], zones), 'zones')[0]?.split(' : ')[1];
    expect([zone(two), zone([...two, { ip: '10.128.0.4', port: 8080 }]), zone(two), zone(two), zone([]), zone(two)]).toEqual(['7', '7', '8', '8', undefined, '9']);
  });
});

describe('scripts', () => {
  const table = (chains: Record<string, string[]>, set: Record<string, string> = {}): NftTable => ({
    sets: new Map([['m', { kind: 'map', body: 'type ipv4_addr : verdict ;', elements: new Map(Object.entries(set)) }]]), chains: new Map(Object.entries(chains)), hooks: new Map([['in', 'type nat hook prerouting priority -100\njump a']]),
  });

  test('make a table whatever was there', () => {
    expect(makeScript('t', table({ a: ['accept'] }, { '10.0.0.1': 'goto a' }))).toBe([
      'add table ip t', 'delete table ip t', 'add table ip t', 'add map ip t m { type ipv4_addr : verdict ; }', 'add chain ip t a', 'add rule ip t a accept', 'add element ip t m { 10.0.0.1 : goto a }',
      'table ip t {\n chain in {\ntype nat hook prerouting priority -100\njump a\n }\n}', '',
    ].join('\n'));
  });

  test.each([
    ['nothing', table({ a: ['accept'] }), table({ a: ['accept'] }), ''],
    ['another rule', table({ a: ['accept'] }), table({ a: ['drop'] }), 'flush chain ip t a\nadd rule ip t a drop\n'],
    ['an element more, one less', table({ a: [] }, { 1: 'goto a', 2: 'goto a' }), table({ a: [] }, { 2: 'goto a', 3: 'goto a' }), 'delete element ip t m { 1 }\nadd element ip t m { 3 : goto a }\n'],
    ['a chain that replaces another', table({ a: ['x'] }, { 1: 'goto a' }), table({ b: ['x'] }, { 1: 'goto b' }), 'add chain ip t b\nadd rule ip t b x\ndelete element ip t m { 1 }\nadd element ip t m { 1 : goto b }\nflush chain ip t a\ndelete chain ip t a\n'],
  ])('change %s', (_, before, after, script) => {
    expect(changeScript('t', before, after)).toBe(script);
  });
});
