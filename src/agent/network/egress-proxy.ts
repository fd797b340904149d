/**
 * The outside half of egress where the holder has no interface of its own: an HTTP proxy on a unix socket, run by the control plane in this machine's network.
 * Loopback is reached by the name `host.slipway.internal` only, never by address.
 */
import { rmSync } from 'node:fs';
import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, connect, isIP, type Socket } from 'node:net';
import { toDisposable, type Disposable } from '../../base/disposable.ts';
import { serveDnsStream } from './dns-relay.ts';
import { closeProxy, httpProxy, type Asked, type Way } from './http-proxy.ts';
import { dnsRelayName, hostName } from './names.ts';
import { upstreamProxy } from './upstream-proxy.ts';

export interface EgressProxyOptions {
  /** Where the proxies of this machine are named (`HTTPS_PROXY`, …). Default: the process's. */
  environment?: NodeJS.ProcessEnv;
  /** Connections at a time; more are closed at once. Default 1024. */
  limit?: number;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addSubnet('0.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');
loopback.addAddress('::', 'ipv6');

export async function startEgressProxy(socketPath: string, options: EgressProxyOptions = {}): Promise<Disposable> {
  const environment = options.environment ?? process.env;
  const server = httpProxy((asked) => route(asked, environment), options.limit);
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  rmSync(socketPath, { force: true });
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socketPath, resolve));
  } finally {
    process.umask(before);
  }
  return toDisposable(() => closeProxy(server, open));
}

function route({ host, port, scheme }: Asked, environment: NodeJS.ProcessEnv): Way {
  if (host === dnsRelayName) return { kind: 'served', serve: (client) => serveDnsStream(client) };
  if (host === hostName) return { kind: 'direct', dial: () => connect({ host: 'localhost', port, autoSelectFamily: true }) };
  const family = isIP(host);
  if (host === 'localhost' || host.endsWith('.localhost') || (family !== 0 && loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')))
    return { kind: 'refused', why: `${host} is the pod itself; this machine's name is ${hostName}` };
  const upstream = upstreamProxy(environment, scheme, host);
  if (upstream) return { kind: 'proxy', address: { host: upstream.host, port: upstream.port }, ...(upstream.authorization && { authorization: upstream.authorization }) };
  return { kind: 'direct', dial: () => connect({ host, port, autoSelectFamily: true, lookup: guardedLookup }) };
}

/** A name of the outside may point to loopback; it is not followed there. */
function guardedLookup(name: string, options: LookupOptions, done: (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void): void {
  lookup(name, { ...options, all: true }, (error, found) => {
    if (error) return done(error, []);
    const usable = found.filter(({ address, family }) => !loopback.check(address, family === 6 ? 'ipv6' : 'ipv4'));
    if (usable.length === 0) return done(Object.assign(new Error(`${name} is this machine's loopback; its name for pods is ${hostName}`), { code: 'EACCES' }), []);
    if (options.all) done(null, usable);
    else done(null, usable[0]!.address, usable[0]!.family);
  });
}
