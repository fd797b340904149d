import { decode, encode, type Answer } from 'dns-packet';
import { expect, test } from 'vitest';
import { cached } from '../../../../src/agent/network/dns-cache.ts';

const ask = (name: string, id = 1, type: 'A' | 'AAAA' = 'A') => encode({ type: 'query', id, flags: 0x0100, questions: [{ type, name }] });
const soa = (minimum: number): Answer => ({ type: 'SOA', name: 'example.com', ttl: 3600, data: { mname: 'a', rname: 'b', serial: 1, refresh: 1, retry: 1, expire: 1, minimum } });

/** A server outside that counts what it is asked. */
function outside(reply: (name: string) => { rcode?: number; flags?: number; answers?: Answer[]; authorities?: Answer[] } | undefined) {
  const asked: string[] = [];
  let now = 0;
  const lookUp = cached(async (query) => {
    const { id = 0, questions = [] } = decode(query);
    const name = questions[0]?.name ?? '';
    asked.push(name);
    const found = reply(name);
    return found && encode({ type: 'response', id, flags: 0x8180 | (found.flags ?? 0) | (found.rcode ?? 0), questions, answers: found.answers ?? [], authorities: found.authorities ?? [] });
  }, () => now);
  return { asked, lookUp: async (name: string, id?: number, type?: 'A' | 'AAAA') => decode((await lookUp(ask(name, id, type)))!), wait: (ms: number) => (now += ms) };
}
const address = (ttl: number, name = 'www.example.com'): Answer => ({ type: 'A', name, ttl, data: '192.0.2.1' });

test('an answer is kept as long as it allows, for whoever asks, however he writes it', async () => {
  const { asked, lookUp, wait } = outside(() => ({ answers: [address(20)] }));
  await lookUp('www.example.com', 7);
  wait(5_000);
  const again = await lookUp('WWW.Example.com', 8);
  expect(again).toMatchObject({ id: 8, questions: [{ name: 'WWW.Example.com' }], answers: [{ ttl: 15, data: '192.0.2.1' }] });
  await lookUp('www.example.com', 9, 'AAAA');
  expect(asked).toHaveLength(2);
  wait(16_000);
  await lookUp('www.example.com');
  expect(asked).toHaveLength(3);
});

test.each<[string, Parameters<typeof outside>[0], number, number]>([
  ['never longer than half a minute', () => ({ answers: [address(86_400)] }), 31_000, 2],
  ['for half a minute, if it may', () => ({ answers: [address(86_400)] }), 29_000, 1],
  ['that there is none, as long as its authority says', () => ({ rcode: 3, authorities: [soa(10)] }), 9_000, 1],
  ['that there is none, no longer', () => ({ rcode: 3, authorities: [soa(10)] }), 11_000, 2],
  ['that there is no such record', () => ({ authorities: [soa(10)] }), 9_000, 1],
  ['that there is none, shortly where nobody says how long', () => ({ rcode: 3 }), 4_000, 1],
  ['a failure not at all', () => ({ rcode: 2 }), 0, 2],
  ['what was cut not at all', () => ({ flags: 0x0200, answers: [address(20)] }), 0, 2],
])('kept: %s', async (_, reply, ms, times) => {
  const { asked, lookUp, wait } = outside(reply);
  await lookUp('www.example.com');
  wait(ms);
  await lookUp('www.example.com');
  expect(asked).toHaveLength(times);
});

test('one question is asked once, however many wait for it; nobody\'s answer is nobody\'s', async () => {
  const { asked, lookUp } = outside(() => ({ answers: [address(20)] }));
  expect((await Promise.all([1, 2, 3].map((id) => lookUp('www.example.com', id)))).map(({ id }) => id)).toEqual([1, 2, 3]);
  expect(asked).toHaveLength(1);
  const silent = cached(() => Promise.resolve(undefined));
  expect(await Promise.all([silent(ask('a')), silent(ask('a')), silent(Buffer.from('nonsense'))])).toEqual([undefined, undefined, undefined]);
});
