import { expect } from 'vitest';
import { eventually } from '../../eventually.ts';
import type { Bed } from '../bed.ts';
import type { RouteCase } from '../contract.ts';

/** How many of so many requests at once were answered, the rest having been closed. */
async function answered(bed: Bed, url: string, requests: number): Promise<number> {
  const all = await Promise.all(Array.from({ length: requests }, () => bed.ask(url).then(({ status }) => status === 200, () => false)));
  return all.filter(Boolean).length;
}
const limited = (more: Record<string, string>) => ({ 'rate-limit-connections': 'true', ...Object.fromEntries(Object.entries(more).map(([name, value]) => [`rate-limit-connections.${name}`, value])) });

export const limits: RouteCase[] = [
  {
    name: 'an allow list lets in whom it names',
    apps: { web: {}, inner: { speaks: 'https' } },
    routes: [
      { name: 'loopback', annotations: { ip_whitelist: '10.0.0.0/8 127.0.0.1' } },
      { name: 'network', annotations: { ip_allowlist: '127.0.0.0/8' } },
      { name: 'others', annotations: { ip_whitelist: '10.0.0.0/8 192.168.1.1 ::1' } },
      { name: 'edge', annotations: { ip_whitelist: '10.0.0.1' }, spec: { tls: { termination: 'edge' } } },
      { name: 'rubbish', annotations: { ip_whitelist: 'everybody' } },
      { name: 'half', annotations: { ip_whitelist: 'rubbish 10.0.0.1' } },
      { name: 'pass', annotations: { ip_whitelist: '10.0.0.1' }, spec: { to: { kind: 'Service', name: 'inner' }, tls: { termination: 'passthrough' } } },
      { name: 'through', annotations: { ip_whitelist: '127.0.0.1' }, spec: { to: { kind: 'Service', name: 'inner' }, tls: { termination: 'passthrough' } } },
    ],
    steps: [
      { ask: { url: 'http://loopback.test/' }, answer: { status: 200 } },
      { ask: { url: 'http://network.test/' }, answer: { status: 200 } },
      { ask: { url: 'http://others.test/' }, answer: { closed: true } },
      { ask: { url: 'https://edge.test/' }, answer: { closed: true } },
      { ask: { url: 'http://rubbish.test/' }, answer: { status: 200 } },
      { ask: { url: 'http://half.test/' }, answer: { closed: true } },
      { ask: { url: 'https://pass.test/' }, answer: { closed: true } },
      { ask: { url: 'https://through.test/' }, answer: { status: 200, app: 'inner' } },
    ],
  },
  {
    name: 'rates close what is too much: requests, connections',
    routes: [
      { name: 'http', annotations: limited({ 'rate-http': '5' }) },
      { name: 'tcp', annotations: limited({ 'rate-tcp': '5' }) },
      { name: 'off', annotations: { ...limited({ 'rate-http': '5' }), 'rate-limit-connections': 'false' } },
    ],
    async run(bed) {
      expect(await answered(bed, 'http://http.test/', 12)).toBe(5);
      expect(await answered(bed, 'http://tcp.test/', 12)).toBe(4);
      expect(await answered(bed, 'http://off.test/', 12)).toBe(12);
    },
  },
  {
    name: 'so many at a time from one client',
    routes: [{ name: 'web', annotations: limited({ 'concurrent-tcp': '3' }) }],
    async run(bed) {
      let refused = 0;
      const all = Array.from({ length: 6 }, () => bed.ask('http://web.test/?hold').then(({ status }) => status, () => (refused += 1, 0)));
      await eventually(() => refused).toBe(4);
      bed.apps.get('web')?.[0]?.release();
      expect((await Promise.all(all)).filter((status) => status === 200)).toHaveLength(2);
      expect((await bed.ask('http://web.test/')).status).toBe(200);
    },
  },
  {
    name: 'so many at a time at one pod: the others wait',
    routes: [{ name: 'web', annotations: { 'pod-concurrent-connections': '1' } }],
    async run(bed) {
      const slow = bed.ask('http://web.test/?wait=300');
      const others = await Promise.all([bed.ask('http://web.test/?wait=100'), bed.ask('http://web.test/'), slow]);
      expect(others.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(bed.apps.get('web')?.[0]?.mostAtOnce).toBe(1);
    },
  },
  {
    name: 'time-outs: an answer that does not come, and one that takes long',
    routes: [{ name: 'short', annotations: { timeout: '2s' } }, { name: 'long', annotations: { timeout: '1h' } }],
    steps: [
      { ask: { url: 'http://short.test/?hold' }, answer: { status: 504 } },
      { ask: { url: 'http://short.test/' }, answer: { status: 200 } },
      { ask: { url: 'http://long.test/?wait=300' }, answer: { status: 200 } },
    ],
  },
  {
    name: 'an application that breaks off is told as such, and not asked twice for what may not be done twice',
    routes: [{ name: 'web' }],
    steps: [{ ask: { url: 'http://web.test/?cut', method: 'POST', body: 'x' }, answer: { status: 502 } }],
    async run(bed) {
      expect(bed.apps.get('web')?.[0]?.requests).toBe(1);
      expect((await bed.ask({ url: 'http://web.test/?cut' })).status).toBe(502);
      expect(bed.apps.get('web')?.[0]?.requests).toBeGreaterThan(2);
    },
  },
];
