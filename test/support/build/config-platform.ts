/** Store, API server and the build stage, with pods and image streams that tests move by hand: for what happens before, between and after builds. */
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buildConfigs, builds, type Build, type BuildConfig, type BuildPhase, type BuildRequest } from '../../../src/api/kinds/build.ts';
import { events, pods, secrets, serviceAccounts, configMaps, type Pod } from '../../../src/api/kinds/core.ts';
import { imageStreams, type ImageStream } from '../../../src/api/kinds/image.ts';
import { isStatusError } from '../../../src/api/status.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { Scope } from '../../../src/base/disposable.ts';
import type { Log } from '../../../src/base/log.ts';
import type { Client } from '../../../src/client/client.ts';
import type { Informer } from '../../../src/client/informer.ts';
import { buildModule } from '../../../src/controlplane/build/module.ts';
import { createApiServer } from '../../../src/controlplane/kernel/apiserver/api-server.ts';
import type { RequestLogEntry } from '../../../src/controlplane/kernel/apiserver/http/request-log.ts';
import { kind } from '../../../src/controlplane/kernel/apiserver/kind.ts';
import { informerFactory } from '../../../src/controlplane/kernel/reconcile/informer-factory.ts';
import { openSqliteStore } from '../../../src/controlplane/kernel/store/sqlite/sqlite-store.ts';
import { authority } from '../certificates.ts';
import { fixedAccess } from '../registry.ts';

export const namespace = 'demo';

export interface ConfigPlatform {
  readonly client: Client;
  /** Over HTTPS without credentials, unless `headers` bring some. */
  send(method: string, path: string, options?: { headers?: Record<string, string>; body?: string | Buffer }): Promise<{ status: number; headers: IncomingHttpHeaders; text: string; body: unknown }>;
  /** What was written to the logs, requests included. */
  readonly logged: string[];
  makeConfig(name: string, spec?: Partial<BuildConfig['spec']>, annotations?: Record<string, string>): Promise<BuildConfig>;
  start(name: string, request?: Partial<BuildRequest>): Promise<Build>;
  /** Points `<name>:<tag>` to an image. */
  tag(name: string, tag: string, digest: string, at?: string): Promise<string>;
  build(name: string): Promise<Build>;
  list(config?: string): Promise<Build[]>;
  cancel(name: string): Promise<void>;
  /** Resolves when `is` holds for the builds of a config, seen in a watch. */
  until<T>(config: string, is: (all: Build[]) => T | undefined | false): Promise<T>;
  phaseOf(name: string, phase: BuildPhase): Promise<Build>;
  /** Sets the state of a build's pod, as its node would. */
  movePod(build: string, phase: 'Running' | 'Succeeded' | 'Failed', more?: { message?: object; reason?: string; terminated?: object }): Promise<void>;
  /** Ends the control plane between two writes and starts another on the same store. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

const admin = { username: 'admin', groups: ['system:masters'] };

export async function startConfigPlatform(): Promise<ConfigPlatform> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-config-'));
  const ca = await authority();
  const tls = await ca.sign('CN=api', ['127.0.0.1']);
  const logged: string[] = [];
  const log = (name: string): Log => {
    const write = (text: string, fields?: object) => void logged.push(`${name} ${text} ${JSON.stringify(fields, (_key, value: unknown) => (value instanceof Error ? value.stack : value))}`);
    return { debug: write, info: write, warn: write, error: write, child: (child: string) => log(child) };
  };
  const own = log('control-plane');
  let scope: Scope;
  let client: Client;
  let url = '';
  let cache: Informer<Build>;

  async function open(): Promise<void> {
    scope = new Scope();
    const build = buildModule({
      access: { log: () => Promise.resolve(Readable.from(['a line of the build\n'])), attach: () => Promise.reject(new Error('nothing to attach to')) },
      inputs: { directory: join(folder, 'inputs') },
    });
    const store = scope.own(await openSqliteStore({ file: join(folder, 'store/state.db') }));
    const plain = [pods, secrets, serviceAccounts, configMaps, events, imageStreams].map((resource) => kind({ type: 'stored', resource, statusSubresource: false } as Parameters<typeof kind>[0]));
    const api = scope.own(createApiServer({ store, clock: systemClock, log: own, ...fixedAccess, kinds: [...build.kinds, ...plain], requests: (entry: RequestLogEntry) => void logged.push(JSON.stringify(entry)) }));
    client = api.client(admin);
    const informers = scope.own(informerFactory(client, systemClock, own));
    const listener = api.listener({ key: tls.key, cert: tls.certificate });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    scope.defer(() => ((listener as { closeAllConnections?(): void }).closeAllConnections?.(), new Promise<void>((resolve) => void listener.close(() => resolve()))));
    url = `https://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    await build.start?.({ client, informers, clock: systemClock, log: own, scope: scope.own(new Scope()) });
    cache = informers.for(builds);
    await cache.synced;
  }
  await open();
  await client!.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'builder', namespace } }, { namespace });

  const of = (config: string) => cache.list(namespace).filter((one) => !config || one.metadata.labels?.buildconfig === config);
  const until: ConfigPlatform['until'] = (config, is) =>
    new Promise((resolve) => {
      let done = false;
      const look = () => {
        const found = done ? undefined : is(of(config));
        if (found === undefined || found === false) return;
        done = true;
        resolve(found);
      };
      scope.own(cache.onChange(look));
      look();
    });

  return {
    get client() {
      return client;
    },
    logged,
    until,
    send: (method, path, { headers = {}, body } = {}) =>
      new Promise((resolve, reject) => {
        const request = httpsRequest(url + path, { method, ca: ca.certificate, headers: { ...headers, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) }, agent: false }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
            const text = Buffer.concat(chunks).toString();
            let parsed: unknown;
            try {
              parsed = JSON.parse(text);
            } catch {
              parsed = undefined;
            }
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: parsed });
          });
        });
        request.on('error', reject).end(body);
      }),
    makeConfig: (name, spec = {}, annotations = {}) =>
      client.create(buildConfigs, {
        apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name, namespace, annotations },
        spec: { source: { git: { uri: 'https://git.example.org/demo/web.git' } }, strategy: { sourceStrategy: { from: { kind: 'DockerImage', name: 'registry.example.org/builders/node:20' } } }, triggers: [], ...spec },
      } as BuildConfig, { namespace }),
    start: (name, request = {}) => client.create<BuildConfig, Build>(buildConfigs, { apiVersion: 'build.openshift.io/v1', kind: 'BuildRequest', metadata: { name }, ...request } as BuildRequest, { namespace, name, subresource: 'instantiate' }),
    async tag(name, tag, digest, at = namespace) {
      const image = `docker-registry.default.svc:5000/${at}/${name}@sha256:${digest.padEnd(64, '0')}`;
      const item = { created: '2026-01-01T00:00:00Z', dockerImageReference: image, image: image.split('@')[1] ?? '', generation: 1 };
      const old = await client.get(imageStreams, { namespace: at, name }).catch((error: unknown) => {
        if (isStatusError(error, 'NotFound')) return undefined;
        throw error;
      });
      const tags = [{ tag, items: [item] }, ...(old?.status?.tags ?? []).filter((one) => one.tag !== tag)];
      const stream = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name, namespace: at }, spec: {}, status: { dockerImageRepository: `docker-registry.default.svc:5000/${at}/${name}`, tags } } as ImageStream;
      if (old) await client.update(imageStreams, stream, { namespace: at, name });
      else await client.create(imageStreams, stream, { namespace: at });
      return image;
    },
    build: (name) => client.get(builds, { namespace, name }),
    list: async (config) => (await client.list(builds, { namespace, ...(config && { labelSelector: `buildconfig=${config}` }) })).items,
    cancel: async (name) => void (await client.patch(builds, { namespace, name }, 'merge', { status: { cancelled: true } })),
    phaseOf: (name, phase) => until('', (all) => all.find((one) => one.metadata.name === name && one.status.phase === phase)),
    async movePod(build, phase, { message, reason, terminated } = {}) {
      const name = `${build}-build`;
      const { spec } = await client.get<Pod>(pods, { namespace, name });
      const state = phase === 'Running' ? { running: { startedAt: '2026-01-01T00:00:00Z' } } : { terminated: { exitCode: phase === 'Succeeded' ? 0 : 1, startedAt: '2026-01-01T00:00:00Z', finishedAt: '2026-01-01T00:00:09Z', ...(message && { message: JSON.stringify({ stages: [], steps: [], ...message }) }), ...terminated } };
      await client.patch(pods, { namespace, name }, 'merge', { status: { phase, ...(reason && { reason }), startTime: '2026-01-01T00:00:00Z', containerStatuses: [{ name: spec.containers[0]?.name ?? '', ready: false, restartCount: 0, image: 'x', imageID: 'x', state }] } });
    },
    async restart() {
      await scope.dispose();
      await open();
    },
    async close() {
      await scope.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
