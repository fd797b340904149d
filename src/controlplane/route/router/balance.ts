/** Which endpoint of a route gets the next request. */
import type { RouterRoute } from '../../../protocol/router.ts';
import type { Endpoint } from './endpoint.ts';

export interface Server {
  /** Value of the sticky cookie. */
  readonly id: string;
  readonly endpoint: Endpoint;
  /** `<namespace>/<service>`. */
  readonly service: string;
  readonly pod: string | undefined;
  /** A look at it would wake an idled service. */
  readonly wakes: boolean;
  /** 0 to 256. With 0 only its own clients come here. */
  readonly weight: number;
  /** `Set-Cookie` for a client that is sent here. */
  readonly cookie: string | undefined;
  /** State of the smooth weighted round robin. */
  current: number;
  requests: number;
}

/** An endpoint worth trying that is not in `tried`; endpoints that refused lately only when no other is left. */
export function pick(servers: readonly Server[], balance: RouterRoute['balance'], client: string, tried: readonly Endpoint[]): Server | undefined {
  const [first] = servers;
  if (!first) return undefined;
  if (servers.length === 1) return usable(first.endpoint, tried) ? first : undefined;
  const chosen = choose(servers, balance, client);
  if (usable(chosen.endpoint, tried) && !chosen.endpoint.suspect && !chosen.endpoint.busy) return chosen;
  const rest = servers.filter(({ endpoint }) => usable(endpoint, tried));
  const well = rest.filter(({ endpoint }) => !endpoint.suspect);
  const free = well.filter(({ endpoint }) => !endpoint.busy);
  const from = free.length > 0 ? free : well.length > 0 ? well : rest;
  return from.length > 0 ? choose(from, balance, client) : undefined;
}

const usable = (endpoint: Endpoint, tried: readonly Endpoint[]) => !endpoint.full && !tried.includes(endpoint);

function choose(servers: readonly Server[], balance: RouterRoute['balance'], client: string): Server {
  switch (balance) {
    case 'roundrobin':
      return smoothRoundRobin(servers);
    case 'random':
      return lighter(draw(servers), draw(servers));
    case 'leastconn':
      return servers.reduce(lighter);
    case 'source':
      return byHash(servers, client);
  }
}

function smoothRoundRobin(servers: readonly Server[]): Server {
  let total = 0;
  let best = servers[0] as Server;
  for (const server of servers) {
    total += server.weight;
    server.current += server.weight;
    if (server.current > best.current) best = server;
  }
  best.current -= total;
  return best;
}

/** The same client meets the same endpoint for as long as that is there: the highest of a number of its own for each (rendezvous hashing, weighted). */
function byHash(servers: readonly Server[], client: string): Server {
  let best = servers[0] as Server;
  let highest = -Infinity;
  for (const server of servers) {
    const score = -server.weight / Math.log((hash(client + server.id) + 1) / 0x1_0000_0001);
    if (score <= highest) continue;
    highest = score;
    best = server;
  }
  return best;
}

function draw(servers: readonly Server[]): Server {
  let total = 0;
  for (const { weight } of servers) total += weight;
  let left = Math.random() * total;
  for (const server of servers) if ((left -= server.weight) < 0) return server;
  return servers[servers.length - 1] as Server;
}

const load = ({ endpoint, weight }: Server) => (endpoint.inFlight + 1) / weight;
const lighter = (a: Server, b: Server) => (load(b) < load(a) ? b : a);

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
