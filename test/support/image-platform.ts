/** Store, API server and the image stage with its registry, over plain HTTP: what image streams need and nothing else. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { deployments } from '../../src/api/kinds/apps.ts';
import { pods, secrets } from '../../src/api/kinds/core.ts';
import { systemClock, type Clock } from '../../src/base/clock.ts';
import type { KubeObject } from '../../src/api/meta.ts';
import { Scope } from '../../src/base/disposable.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Client } from '../../src/client/client.ts';
import type { OpenRegistry } from '../../src/controlplane/image/importer.ts';
import { imageModule } from '../../src/controlplane/image/module.ts';
import { createApiServer } from '../../src/controlplane/kernel/apiserver/api-server.ts';
import { kind } from '../../src/controlplane/kernel/apiserver/kind.ts';
import { informerFactory } from '../../src/controlplane/kernel/reconcile/informer-factory.ts';
import { limitRangeKind } from '../../src/controlplane/project/limit-range.ts';
import { resourceQuotaKind } from '../../src/controlplane/project/resource-quota.ts';
import { openSqliteStore } from '../../src/controlplane/kernel/store/sqlite/sqlite-store.ts';
import { fixedAccess } from './registry.ts';

export interface ImagePlatform {
  client: Client;
  /** Acts as another user of `fixedAccess`. */
  as(username: string): Client;
  /** Of the API, as kubectl sees it; user `admin`. */
  api: string;
  registry: string;
  close(): Promise<void>;
}

const admin = { username: 'admin', groups: ['system:masters'] };

export interface ImagePlatformOptions {
  /** Of the controllers. */
  clock?: Clock;
  publicHost?: () => string | undefined;
  openRegistry?: OpenRegistry;
}

export async function startImagePlatform(directory: string, { clock = systemClock, publicHost, openRegistry }: ImagePlatformOptions = {}): Promise<ImagePlatform> {
  const scope = new Scope();
  const store = scope.own(await openSqliteStore({ file: join(directory, 'store/state.db') }));
  let registry = '';
  const module = imageModule({
    registryDirectory: join(directory, 'registry'),
    ...fixedAccess,
    ...(publicHost && { publicHost }),
    ...(openRegistry && { openRegistry }),
    async listen({ handler }) {
      const server = createServer(handler);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      return { dispose: () => (server.closeAllConnections(), new Promise<void>((resolve) => void server.close(() => resolve()))) };
    },
  });
  const api = scope.own(createApiServer({ store, kinds: [...module.kinds, kind(limitRangeKind), kind(resourceQuotaKind), ...[secrets, pods, deployments].map((of) => kind<KubeObject>({ type: 'stored', resource: of }))], admission: module.admission ?? [], clock: systemClock, log: silentLog, ...fixedAccess }));
  const client = api.client(admin);
  const informers = scope.own(informerFactory(client, systemClock, silentLog));
  const http = createServer(api.handle);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  scope.defer(() => (http.closeAllConnections(), new Promise<void>((resolve) => void http.close(() => resolve()))));
  const own = scope.own(new Scope());
  await module.start?.({ client, informers, clock, log: silentLog, scope: own });
  return {
    client,
    as: (username) => api.client({ username, groups: ['system:authenticated'] }),
    api: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    registry,
    close: () => scope.dispose(),
  };
}
