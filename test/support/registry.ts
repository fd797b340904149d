/** A registry that listens, over tags kept in memory: for tests and measurements of the registry alone. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer as createPlain, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { silentLog } from '../../src/base/log.ts';
import { RegistryFailure } from '../../src/controlplane/image/registry/failure.ts';
import type { Limits } from '../../src/controlplane/image/registry/limits.ts';
import type { Origins } from '../../src/controlplane/image/registry/origins.ts';
import { createRegistry, type Registry } from '../../src/controlplane/image/registry/registry.ts';
import { formatRepository } from '../../src/controlplane/image/registry/repository.ts';
import type { Streams } from '../../src/controlplane/image/registry/streams.ts';
import type { AccessOptions } from '../../src/controlplane/image/registry/access.ts';

/** Any stream may be made, except in project `closed`. */
export function memoryStreams(initial: Record<string, Record<string, string>> = {}): Streams & { /** Digests of images that the platform knows. */ readonly known: Set<string>; remove(stream: string): void } {
  const streams = new Map(Object.entries(initial).map(([name, tags]) => [name, new Map(Object.entries(tags))]));
  const known = new Set([...streams.values()].flatMap((tags) => [...tags.values()]));
  return {
    known,
    remove: (stream) => void streams.delete(stream),
    tags: async (at) => (streams.has(formatRepository(at)) ? [...(streams.get(formatRepository(at))?.keys() ?? [])] : undefined),
    resolve: async (at, tag) => streams.get(formatRepository(at))?.get(tag),
    holds: async (at, digest) => [...(streams.get(formatRepository(at))?.values() ?? [])].includes(digest),
    async put(at, tag, manifest) {
      if (at.namespace === 'closed') throw new RegistryFailure(403, 'DENIED', 'no');
      known.add(manifest.digest);
      const stream = streams.get(formatRepository(at)) ?? new Map<string, string>();
      streams.set(formatRepository(at), stream);
      if (tag !== undefined) stream.set(tag, manifest.digest);
    },
    removeTag: async (at, tag) => streams.get(formatRepository(at))?.delete(tag) ?? false,
    names: async () => [...streams.keys()],
    images: async () => new Set(known),
  };
}

/** Token `admin` may do everything, `builder` may push and pull in project `demo`, `reader` may pull; without one, project `open` can be read. */
export const fixedAccess: AccessOptions = {
  tokens: {
    review: async (token) => (['admin', 'builder', 'reader'].includes(token) ? { username: token, groups: token === 'admin' ? ['system:masters'] : ['system:authenticated'] } : undefined),
  },
  authorize: (user, { verb, namespace }) => ({
    allowed:
      (user.username === 'builder' && namespace === 'demo' && (verb === 'get' || verb === 'update')) ||
      (user.username === 'reader' && verb === 'get') ||
      (user.username === 'system:anonymous' && namespace === 'open' && verb === 'get'),
  }),
};

export interface TestRegistry {
  url: string;
  port: number;
  streams: ReturnType<typeof memoryStreams>;
  sweep: Registry['sweep'];
  /** PEM of the certificate that signs itself; empty without TLS. */
  ca: string;
  close(): Promise<void>;
}

export interface TestRegistryOptions {
  directory: string;
  tls?: boolean;
  access?: AccessOptions;
  /** Also listens here, the same way. */
  socketPath?: string;
  streams?: ReturnType<typeof memoryStreams>;
  origins?: Origins;
  limits?: Limits;
  /** Sees each request first; true if it answered it. */
  before?(request: IncomingMessage, response: ServerResponse): boolean;
}

export async function startRegistry(options: TestRegistryOptions): Promise<TestRegistry> {
  const streams = options.streams ?? memoryStreams();
  const registry = await createRegistry({ directory: options.directory, streams, log: silentLog, ...(options.access ?? fixedAccess), ...(options.origins && { origins: options.origins }), ...(options.limits && { limits: options.limits }) });
  const keys = options.tls ? selfSigned(options.directory) : undefined;
  const handler = (request: IncomingMessage, response: ServerResponse): void => void (options.before?.(request, response) || registry.handler(request, response));
  const make = (): Server => (keys ? createSecure(keys, handler) : createPlain(handler));
  const servers = [make()];
  await new Promise<void>((resolve) => servers[0]?.listen(0, '127.0.0.1', resolve));
  if (options.socketPath !== undefined) {
    const local = make();
    servers.push(local);
    await new Promise<void>((resolve) => local.listen(options.socketPath, resolve));
  }
  const { port } = servers[0]?.address() as AddressInfo;
  return {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    streams,
    sweep: () => registry.sweep(),
    ca: keys?.cert ?? '',
    async close() {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
      await registry.dispose();
    },
  };
}

function selfSigned(directory: string): { key: string; cert: string } {
  mkdirSync(directory, { recursive: true });
  const [key, cert] = [join(directory, 'tls.key'), join(directory, 'tls.crt')];
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-keyout', key, '-out', cert,
    '-subj', '/CN=registry', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:docker-registry.default.svc',
  ], { stdio: 'ignore' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}
