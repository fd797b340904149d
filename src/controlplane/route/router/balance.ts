/** Which endpoint of a route gets the next request. */
import type { RouterRoute } from '../../../protocol/router.ts';
import type { Endpoint } from './endpoint.ts';

export interface Server {
  endpoint: Endpoint;
  /** 1 to 256. */
  weight: number;
  /** State of the smooth weighted round robin. */
  current: number;
}

/**
 * Weights of endpoints from weights of services: the service's weight is shared by its endpoints, scaled so that the largest share is 256, at least 1.
 * With one active service every endpoint weighs the same. A service of weight 0 gets nothing.
 */
export function endpointWeights(backends: readonly { weight: number; endpoints: readonly unknown[] }[]): number[] {
  const active = backends.filter((backend) => backend.weight > 0 && backend.endpoints.length > 0);
  if (active.length === 1) return backends.map((backend) => (backend === active[0] ? 1 : 0));
  const shares = backends.map(({ weight, endpoints }) => (weight > 0 && endpoints.length > 0 ? weight / endpoints.length : 0));
  const largest = Math.max(...shares, 0);
  return shares.map((share) => (share === 0 ? 0 : Math.max(1, Math.round((share / largest) * 256))));
}

/** An endpoint worth trying that is not in `tried`; endpoints that refused lately only when no other is left. */
export function pick(servers: readonly Server[], balance: RouterRoute['balance'], client: string, tried: readonly Endpoint[]): Endpoint | undefined {
  const [first] = servers;
  if (!first) return undefined;
  if (servers.length === 1) return usable(first.endpoint, tried) ? first.endpoint : undefined;
  const chosen = choose(servers, balance, client);
  if (usable(chosen.endpoint, tried) && !chosen.endpoint.suspect) return chosen.endpoint;
  const rest = servers.filter(({ endpoint }) => usable(endpoint, tried));
  const well = rest.filter(({ endpoint }) => !endpoint.suspect);
  const from = well.length > 0 ? well : rest;
  return from.length > 0 ? choose(from, balance, client).endpoint : undefined;
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
      return servers[hash(client) % servers.length] as Server;
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

const draw = (servers: readonly Server[]) => servers[Math.floor(Math.random() * servers.length)] as Server;
const load = ({ endpoint, weight }: Server) => (endpoint.inFlight + 1) / weight;
const lighter = (a: Server, b: Server) => (load(b) < load(a) ? b : a);

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
