/** HAProxy's counters as ours (management.txt section 9.1). Counted since this router started: those of programs before are added, as far as they had counted when they were replaced. */
import type { RouterMetrics, RouterRouteMetrics } from '../../../protocol/router.ts';
import { routeKey, serverParts } from './names.ts';

/** A line of `show stat` by the names of its first line. */
export type StatLine = Record<string, string>;

export function parseStat(text: string): StatLine[] {
  const [head = '', ...lines] = text.split('\n').filter(Boolean);
  const names = head.replace(/^# /, '').split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((value, at) => [names[at] ?? '', value])));
}

/** Counters that only grow. */
const growing = ['stot', 'req_tot', 'bin', 'bout', 'econ', 'wretr', 'hrsp_1xx', 'hrsp_2xx', 'hrsp_3xx', 'hrsp_4xx', 'hrsp_5xx'] as const;
export type Totals = ReadonlyMap<string, Partial<Record<(typeof growing)[number], number>>>;

const idOf = ({ pxname, svname }: StatLine) => `${pxname}/${svname}`;
const number = (line: StatLine, name: string) => Number(line[name] ?? 0) || 0;

export function addTotals(before: Totals, lines: readonly StatLine[]): Totals {
  const next = new Map(before);
  for (const line of lines) next.set(idOf(line), Object.fromEntries(growing.map((name) => [name, number(line, name) + (before.get(idOf(line))?.[name] ?? 0)])));
  return next;
}

export class Counters {
  readonly #lines: readonly StatLine[];
  readonly #before: Totals;

  constructor(lines: readonly StatLine[], before: Totals) {
    this.#lines = lines;
    this.#before = before;
  }

  metrics(routes: number, endpoints: number): RouterMetrics {
    const frontends = this.#lines.filter(({ svname }) => svname === 'FRONTEND');
    const backends = this.#lines.filter(({ svname }) => svname === 'BACKEND');
    // Connections to the TLS listener arrive at the inner one too, where there is one.
    const outer = frontends.filter(({ pxname }) => pxname !== 'secure' || !frontends.some((other) => other['pxname'] === 'public_ssl'));
    const http = frontends.filter(({ pxname }) => pxname === 'public' || pxname === 'secure');
    const sum = (lines: readonly StatLine[], count: (line: StatLine) => number) => lines.reduce((total, line) => total + count(line), 0);
    const responses = [0, 1, 2, 3, 4, 5].map((kind) => (kind === 0 ? 0 : sum(http, (line) => this.#total(line, `hrsp_${kind as 1 | 2 | 3 | 4 | 5}xx`))));
    return {
      connections: sum(outer, (line) => number(line, 'scur')),
      requests: sum(http, (line) => this.#total(line, 'req_tot')),
      inFlight: sum(backends.filter(({ pxname = '' }) => routeKey(pxname) !== undefined), (line) => number(line, 'scur')),
      responses,
      retries: sum(backends, (line) => this.#total(line, 'wretr')),
      connectFailures: sum(backends, (line) => this.#total(line, 'econ')),
      tunnels: sum(backends.filter(({ pxname = '' }) => pxname.startsWith('be_tcp:')), (line) => number(line, 'scur')),
      routes, endpoints,
    };
  }

  routes(): RouterRouteMetrics[] {
    const found = new Map<string, RouterRouteMetrics>();
    for (const line of this.#lines) {
      const key = routeKey(line['pxname'] ?? '');
      if (key === undefined || line['svname'] !== 'BACKEND') continue;
      found.set(key, {
        key, requests: this.#total(line, line['req_tot'] ? 'req_tot' : 'stot'), inFlight: number(line, 'scur'),
        responses: [0, ...([1, 2, 3, 4, 5] as const).map((kind) => this.#total(line, `hrsp_${kind}xx`))],
        bytesIn: this.#total(line, 'bin'), bytesOut: this.#total(line, 'bout'), retries: this.#total(line, 'wretr'), connectFailures: this.#total(line, 'econ'), endpoints: [],
      });
    }
    for (const line of this.#lines) {
      const key = routeKey(line['pxname'] ?? '');
      const parts = serverParts(line['svname'] ?? '');
      if (key === undefined || !parts || line['status']?.startsWith('MAINT')) continue;
      const { service, address, pod } = parts;
      found.get(key)?.endpoints.push({
        service: `${key.slice(0, key.indexOf('/'))}/${service}`, address, ...(pod !== undefined && { pod }), up: !line['status']?.startsWith('DOWN'), requests: this.#total(line, 'stot'), inFlight: number(line, 'scur'),
      });
    }
    return [...found.values()];
  }

  #total(line: StatLine, name: (typeof growing)[number]): number {
    return number(line, name) + (this.#before.get(idOf(line))?.[name] ?? 0);
  }
}
