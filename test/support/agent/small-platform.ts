/** A real control plane of the stages that pods need, and agents whose runtime only keeps books. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startAgent, type Agent } from '../../../src/agent/agent.ts';
import type { Observations } from '../../../src/agent/eviction/pressure-plan.ts';
import { settingsFile } from '../../../src/agent/node/settings.ts';
import { serviceFeed } from '../../../src/agent/services/service-feed.ts';
import { events, namespaces, pods, serviceAccounts, type Event, type Pod } from '../../../src/api/kinds/core.ts';
import { systemClock, type Clock } from '../../../src/base/clock.ts';
import { Scope } from '../../../src/base/disposable.ts';
import { jsonLog, silentLog } from '../../../src/base/log.ts';
import type { Client } from '../../../src/client/client.ts';
import { createApiServer, type ApiServer } from '../../../src/controlplane/kernel/apiserver/api-server.ts';
import { boot, kindsOf } from '../../../src/controlplane/kernel/boot/boot.ts';
import { informerFactory } from '../../../src/controlplane/kernel/reconcile/informer-factory.ts';
import { openSqliteStore, type SqliteStore } from '../../../src/controlplane/kernel/store/sqlite/sqlite-store.ts';
import { podModule, type PodModule } from '../../../src/controlplane/pod/module.ts';
import { projectModule } from '../../../src/controlplane/project/module.ts';
import { RbacAuthorizer } from '../../../src/controlplane/project/rbac/authorizer.ts';
import { TokenAuthority } from '../../../src/controlplane/project/token/token-authority.ts';
import { serviceModule } from '../../../src/controlplane/service/module.ts';
import type { AgentConfig } from '../../../src/protocol/agent.ts';
import { authority } from '../certificates.ts';
import { FakeRuntime } from './fake-runtime.ts';

export interface SmallPlatform {
  readonly client: Client;
  readonly server: ApiServer;
  readonly store: SqliteStore;
  readonly pod: PodModule;
  readonly folder: string;
  /** HTTPS; made on first use. */
  listen(): Promise<{ url: string; ca: string; certificate: string; key: string }>;
  /** Starts an agent for a node; `runtime` of an earlier one shows adoption. */
  agent(name: string, runtime?: FakeRuntime): Promise<{ agent: Agent; runtime: FakeRuntime }>;
  /** `kubelet.json` of agents started from now on. */
  settings(document: object): Promise<void>;
  project(name: string): Promise<void>;
  run(namespace: string, name: string, spec: Partial<Pod['spec']>): Promise<Pod>;
  /** Resolves once the pod satisfies `test`; fails with its last state when the test's time is over. */
  until(namespace: string, name: string, test: (pod: Pod) => boolean): Promise<Pod>;
  gone(namespace: string, name: string): Promise<void>;
  /** Resolves once all of these events of an object (`Normal Pulled …`) exist. */
  told(namespace: string, name: string, texts: readonly string[]): Promise<void>;
  dispose(): Promise<void>;
}

export async function smallPlatform(options: { clock?: Clock; observe?: () => Promise<Observations>; admit?: (pod: Pod, ip: string) => Promise<void> } = {}): Promise<SmallPlatform> {
  const clock = options.clock ?? systemClock;
  const log = process.env.VERBOSE ? jsonLog((line) => console.error(line), 'debug') : silentLog;
  const folder = mkdtempSync(path.join(tmpdir(), 'slip-'));
  const scope = new Scope();
  const store = await openSqliteStore({ file: path.join(folder, 'store.db') });
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const tokens = new TokenAuthority({ key, clock });
  const rbac = new RbacAuthorizer();
  const root = await authority();
  const project = projectModule({ clock, store, rbac, tokens, caCertificate: root.certificate, namespaced: () => [pods] });
  const pod = podModule({ store, clock, log, volumesFolder: path.join(folder, 'volumes') });
  const modules = [project, serviceModule({ clock }), pod];
  const server = createApiServer({ store, kinds: kindsOf(modules), clock, log, authorize: rbac.authorize, tokens });
  const client = server.client({ username: 'system:admin', groups: ['system:masters'] });
  const informers = scope.own(informerFactory(client, clock, log));
  const starting = boot({ modules, log, context: () => ({ client, informers, clock, log }) });
  await starting.start();

  const agents: Agent[] = [];
  const platform: SmallPlatform = {
    client, server, store, pod, folder,
    async listen() {
      const own = await root.sign('CN=kubernetes', ['127.0.0.1']);
      const admin = await root.sign('CN=system:admin,O=system:masters');
      const https = server.listener({ key: own.key, cert: own.certificate, ca: root.certificate });
      await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
      scope.defer(async () => {
        https.closeAllConnections();
        await new Promise((resolve) => https.close(resolve));
      });
      return { url: `https://127.0.0.1:${(https.address() as AddressInfo).port}`, ca: root.certificate, ...admin };
    },
    async agent(name, runtime = new FakeRuntime()) {
      const config: AgentConfig = {
        nodeName: name, runtime: 'sandbox', directory: path.join(folder), socket: path.join(folder, `${name}.sock`), apiSocket: '', registrySocket: '', egressSocket: '', caCertificate: root.certificate, token: '', bundles: '', nodeBinary: '',
        network: { podCidr: '10.128.0.0/23', serviceCidr: '172.30.0.0/16', clusterDns: '172.30.0.10', clusterDomain: 'cluster.local', nodeIp: '100.64.0.2', apiService: '172.30.0.1:443', registryService: '172.30.0.5:5000', egressProxy: '' },
      };
      // With a node's own rights: what it may not do fails here as it would in life.
      const own = server.client({ username: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] });
      const feed = serviceFeed(own, clock, log, () => undefined);
      const agent = await startAgent({ config, runtime, client: own, services: feed.services, addressOf: (host, port) => ({ host, port }), egress: () => ({}), admit: options.admit ?? (() => Promise.resolve()), drain: feed.drain, clock, log, lookMs: 50, ...(options.observe && { observe: options.observe }) });
      const ending = { ...agent, dispose: async () => (await agent.dispose(), await feed.dispose()) };
      agents.push(ending);
      return { agent: ending, runtime };
    },
    settings: (document) => writeFile(path.join(folder, settingsFile), JSON.stringify(document)),
    async project(name) {
      await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
      for (;;) {
        const found = await client.list(serviceAccounts, { namespace: name, fieldSelector: 'metadata.name=default' });
        if (found.items.length > 0) return;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    run: (namespace, name, spec) => client.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec: { containers: [{ name: 'web', image: 'app:1' }], ...spec } } as Pod),
    async until(namespace, name, test) {
      const watch = client.watch(pods, { namespace, fieldSelector: `metadata.name=${name}`, resourceVersion: '0' });
      try {
        for await (const { type, object } of watch) if (type !== 'DELETED' && type !== 'BOOKMARK' && test(object)) return object;
        throw new Error('the watch ended');
      } finally {
        watch.dispose();
      }
    },
    async gone(namespace, name) {
      const list = await client.list(pods, { namespace, fieldSelector: `metadata.name=${name}` });
      if (list.items.length === 0) return;
      const watch = client.watch(pods, { namespace, fieldSelector: `metadata.name=${name}`, resourceVersion: list.metadata.resourceVersion ?? '' });
      for await (const { type } of watch) if (type === 'DELETED') break;
      watch.dispose();
    },
    async told(namespace, name, texts) {
      const missing = new Set(texts);
      const watch = client.watch<Event>(events, { namespace, resourceVersion: '0' });
      for await (const { type, object } of watch) {
        if (type !== 'BOOKMARK' && object.involvedObject.name === name) missing.delete(`${object.type} ${object.reason} ${object.message}`);
        if (missing.size === 0) break;
      }
      watch.dispose();
    },
    async dispose() {
      for (const agent of agents) await agent.dispose();
      await starting.dispose();
      await scope.dispose();
      await server.dispose();
      await store.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return platform;
}
