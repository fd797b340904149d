/** Who may use a route, and how often: addresses, and rates for each of them. What one refuses is closed without an answer, as HAProxy rejects. */
import { BlockList, isIPv6 } from 'node:net';
import type { RouterRateLimits, RouterRoute } from '../../../protocol/router.ts';

const connectionWindowMs = 3_000;
const requestWindowMs = 10_000;
/** Clients remembered for a route; above it those that were silent longest are forgotten. */
const mostClients = 10_000;

interface Visitor {
  concurrent: number;
  connections: Rate;
  requests: Rate;
}

export class Guard {
  readonly #allowed: BlockList | undefined;
  readonly #limits: RouterRateLimits | undefined;
  readonly #visitors = new Map<string, Visitor>();

  private constructor(allowed: BlockList | undefined, limits: RouterRateLimits | undefined) {
    this.#allowed = allowed;
    this.#limits = limits;
  }

  /** Undefined for a route that everybody may use at any rate. */
  static of({ allow, rateLimits }: RouterRoute): Guard | undefined {
    return allow || rateLimits ? new Guard(allow && listOf(allow), rateLimits) : undefined;
  }

  /** Counts a request, or a connection that is passed through. Whoever is let in must `leave`. */
  enter(client: string, now = performance.now()): boolean {
    if (this.#allowed && !this.#allowed.check(client, isIPv6(client) ? 'ipv6' : 'ipv4')) return false;
    const limits = this.#limits;
    if (!limits) return true;
    const visitor = this.#visitor(client);
    // HAProxy counts a connection before it looks, a request after: the one that reaches the number is refused, or the one after it.
    const connections = visitor.connections.add(now, connectionWindowMs);
    const requests = visitor.requests.count(now, requestWindowMs);
    if (visitor.concurrent + 1 >= (limits.concurrentConnections ?? Infinity) || connections >= (limits.connections ?? Infinity) || requests >= (limits.requests ?? Infinity)) return false;
    visitor.requests.add(now, requestWindowMs);
    visitor.concurrent += 1;
    return true;
  }

  leave(client: string): void {
    const visitor = this.#visitors.get(client);
    if (visitor) visitor.concurrent -= 1;
  }

  #visitor(client: string): Visitor {
    let visitor = this.#visitors.get(client);
    if (visitor) this.#visitors.delete(client);
    visitor ??= { concurrent: 0, connections: new Rate(), requests: new Rate() };
    this.#visitors.set(client, visitor);
    if (this.#visitors.size > mostClients) for (const [key, { concurrent }] of this.#visitors) {
      if (concurrent > 0) continue;
      this.#visitors.delete(key);
      break;
    }
    return visitor;
  }
}

/** Events in a window that slides: those of this period, and of the one before as far as the window still covers it. */
class Rate {
  #since = 0;
  #now = 0;
  #before = 0;

  add(now: number, window: number): number {
    this.#turn(now, window);
    this.#now += 1;
    return this.count(now, window);
  }

  count(now: number, window: number): number {
    this.#turn(now, window);
    return this.#now + Math.floor(this.#before * (1 - (now - this.#since) / window));
  }

  #turn(now: number, window: number): void {
    if (now - this.#since < window) return;
    this.#before = now - this.#since < 2 * window ? this.#now : 0;
    this.#now = 0;
    this.#since = now;
  }
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
