/** A real API server with the project stage, its roles and its tokens: what decides who may do what. */
import { generateKeyPairSync } from 'node:crypto';
import { allResources } from '../../src/api/resources.ts';
import { systemClock } from '../../src/base/clock.ts';
import { Scope } from '../../src/base/disposable.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Client } from '../../src/client/client.ts';
import { kind, type Kind, type UserInfo } from '../../src/controlplane/kernel/apiserver/kind.ts';
import { informerFactory } from '../../src/controlplane/kernel/reconcile/informer-factory.ts';
import type { Reader } from '../../src/controlplane/kernel/store/store.ts';
import { projectModule } from '../../src/controlplane/project/module.ts';
import { RbacAuthorizer } from '../../src/controlplane/project/rbac/authorizer.ts';
import { TokenAuthority } from '../../src/controlplane/project/token/token-authority.ts';
import { pods, type Pod } from '../../src/api/kinds/core.ts';
import { startApi, type RunningApi } from './api-server.ts';

export interface ProjectPlatform {
  api: RunningApi;
  rbac: RbacAuthorizer;
  tokens: TokenAuthority;
  /** As `system:masters`. */
  client: Client;
  /** As somebody else; `system:authenticated` is added. Static tokens are the user's name. */
  as(username: string, ...groups: string[]): Client;
  /** Resolves when `read` gives something. */
  until<T>(read: () => Promise<T | undefined | false>): Promise<T>;
  close(): Promise<void>;
}

export const caCertificate = '-----BEGIN CERTIFICATE-----\ntest\n-----END CERTIFICATE-----\n';

export async function startProjectPlatform(more: readonly Kind[] = []): Promise<ProjectPlatform> {
  const scope = new Scope();
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const users = ['alice', 'bob'].map((username): [string, UserInfo] => [username, { username, groups: ['system:authenticated', 'system:authenticated:oauth'] }]);
  const tokens = new TokenAuthority({ key, clock: systemClock, staticTokens: new Map(users) });
  const rbac = new RbacAuthorizer();
  const podKind = kind<Pod>({ type: 'stored', resource: pods, subresources: { resize: { type: 'fields', kind: 'Pod', ofSpec: true, copy: (from, to) => void (to.spec = from.spec) } } });
  const kinds: Kind[] = [];
  // The server brings the store, and wants the kinds before.
  const store: Reader = {
    get revision() {
      return api.store.revision;
    },
    get: (name) => api.store.get(name), list: (prefix, options) => api.store.list(prefix, options), count: (prefix) => api.store.count(prefix),
  };
  const module = projectModule({
    clock: systemClock, store, rbac, tokens, caCertificate,
    namespaced: () => allResources.filter((of) => of.namespaced && kinds.some((one) => one.type === 'stored' && one.resource === of)),
  });
  kinds.push(...module.kinds, podKind, ...more);
  const api: RunningApi = await startApi(kinds, { authorize: rbac.authorize, tokens, ...(module.admission && { admission: module.admission }) });
  scope.defer(() => api.dispose());
  const informers = scope.own(informerFactory(api.client, systemClock, silentLog));
  await module.start?.({ client: api.client, informers, clock: systemClock, log: silentLog, scope: scope.own(new Scope()) });
  return {
    api, rbac, tokens,
    client: api.client,
    as: (username, ...groups) => api.server.client({ username, groups: [...groups, 'system:authenticated'] }),
    async until(read) {
      for (;;) {
        const found = await read();
        if (found) return found;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    close: () => scope.dispose(),
  };
}
