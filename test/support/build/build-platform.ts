/** Store, API server, image and build stages, and a node in small that runs build pods as the real build program. */
import { mkdtemp, chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, PassThrough, Readable } from 'node:stream';
import { copyJson } from '../../../src/api/json.ts';
import { builds, finishedPhases, type Build } from '../../../src/api/kinds/build.ts';
import { events, pods, secrets, serviceAccounts, type Pod } from '../../../src/api/kinds/core.ts';
import { limitRanges, resourceQuotas } from '../../../src/api/kinds/quota.ts';
import { keyOf } from '../../../src/api/meta.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { Scope } from '../../../src/base/disposable.ts';
import { silentLog } from '../../../src/base/log.ts';
import type { Client } from '../../../src/client/client.ts';
import { buildModule } from '../../../src/controlplane/build/module.ts';
import type { PodAccess } from '../../../src/controlplane/build/pod-access.ts';
import { catalogModule } from '../../../src/controlplane/catalog/module.ts';
import { imageModule } from '../../../src/controlplane/image/module.ts';
import { createApiServer } from '../../../src/controlplane/kernel/apiserver/api-server.ts';
import { kind, type StoredKind } from '../../../src/controlplane/kernel/apiserver/kind.ts';
import { informerFactory } from '../../../src/controlplane/kernel/reconcile/informer-factory.ts';
import { openSqliteStore } from '../../../src/controlplane/kernel/store/sqlite/sqlite-store.ts';
import { thisMachine } from '../../../src/detect/command.ts';
import { detectToolchains, type Toolchain } from '../../../src/detect/toolchain.ts';
import { registryClient, type RegistryClient } from '../../../src/oci/registry-client.ts';
import { authority } from '../certificates.ts';
import { fixedAccess } from '../registry.ts';
import { bundleTools, makeScratch, startBuildProgram } from './build-machine.ts';

export interface BuildPlatform {
  client: Client;
  /** Of the API, plain HTTP, user `admin` by token. */
  registry: RegistryClient;
  folder: string;
  /** The catalogue of this machine, published when the platform is made. */
  publishBuilders(only?: readonly string[]): Promise<void>;
  /** POSTs a body as it streams. */
  upload(path: string, body: Readable): Promise<{ status: number; body: unknown }>;
  /** Text of a GET, as it came. */
  read(path: string): Promise<{ status: number; text: string }>;
  /** Resolves to the build when `is` holds; rejects if it ends otherwise. */
  until(namespace: string, name: string, is?: (build: Build) => boolean): Promise<Build>;
  /** Resolves when an event of that reason about that object is written. */
  untilEvent(reason: string, about: string): Promise<void>;
  /** Pods stay Pending while this is set. */
  hold: { pods: boolean };
  close(): Promise<void>;
}

const admin = { username: 'admin', groups: ['system:masters'] };

export async function startBuildPlatform(): Promise<BuildPlatform> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-platform-'));
  await chmod(folder, 0o755);
  const scope = new Scope();
  const tools = join(folder, 'tools.js');
  await bundleTools(tools);
  const ca = await authority();
  const tls = await ca.sign('CN=registry', ['docker-registry.default.svc', '127.0.0.1']);
  const account = join(folder, 'account');
  await mkdir(account);
  await writeFile(join(account, 'ca.crt'), ca.certificate);
  await writeFile(join(account, 'token'), 'admin');

  let registryPort = 0;
  const image = imageModule({
    registryDirectory: join(folder, 'registry'),
    ...fixedAccess,
    async listen({ handler }) {
      const server = createServer({ key: tls.key, cert: tls.certificate }, handler);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      registryPort = (server.address() as AddressInfo).port;
      return { dispose: () => (server.closeAllConnections(), new Promise<void>((resolve) => void server.close(() => resolve()))) };
    },
  });
  const node = new Map<string, { child: ReturnType<typeof startBuildProgram>; log: Buffer[]; more: Set<PassThrough>; ended: boolean }>();
  const access: PodAccess = {
    async log(namespace, pod, _container, query) {
      const running = node.get(`${namespace}/${pod}`);
      if (!running) return Readable.from([]);
      const out = new PassThrough();
      for (const chunk of running.log) out.write(chunk);
      if (running.ended || query.get('follow') !== 'true') out.end();
      else running.more.add(out);
      return out;
    },
    async attach(namespace, pod) {
      const running = node.get(`${namespace}/${pod}`);
      if (!running) throw new Error('nothing to attach to');
      return Duplex.from({ writable: running.child.stdin, readable: new PassThrough() });
    },
  };
  const build = buildModule({ access, inputs: { directory: join(folder, 'inputs'), maxBytes: 64 * 2 ** 20 } });
  const store = scope.own(await openSqliteStore({ file: join(folder, 'store/state.db') }));
  const api = scope.own(createApiServer({
    store, clock: systemClock, log: silentLog, ...fixedAccess,
    kinds: [...image.kinds, ...build.kinds, kind({ type: 'stored', resource: pods, statusSubresource: true }), ...[events, serviceAccounts, secrets, limitRanges, resourceQuotas].map((resource) => kind({ type: 'stored', resource } as StoredKind))],
  }));
  const client = api.client(admin);
  const informers = scope.own(informerFactory(client, systemClock, silentLog));
  const listener = api.listener({ key: tls.key, cert: tls.certificate, ca: ca.certificate });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  scope.defer(() => ((listener as { closeAllConnections?(): void }).closeAllConnections?.(), new Promise<void>((resolve) => void listener.close(() => resolve()))));
  const url = `https://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const own = scope.own(new Scope());
  const context = { client, informers, clock: systemClock, log: silentLog, scope: own };
  await client.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'builder', namespace: 'demo' } }, { namespace: 'demo' });
  await image.start?.(context);
  await build.start?.(context);
  const registry = registryClient({ baseUrl: `https://127.0.0.1:${registryPort}`, ca: ca.certificate, auth: { username: 'x', password: 'admin' } });
  scope.defer(() => registry.close());

  const hold = { pods: false };
  const podCache = informers.for(pods);
  scope.own(podCache.onChange(({ type, object }) => {
    const key = keyOf(object);
    if (type === 'deleted') node.get(key)?.child.kill('SIGTERM');
    else if (!hold.pods && !node.has(key) && object.status?.phase !== 'Running' && !object.status?.containerStatuses) void runPod(object);
  }));

  async function runPod(pod: Pod): Promise<void> {
    const key = keyOf(pod);
    const [container] = pod.spec.containers;
    const scratch = join(folder, 'node', pod.metadata.name);
    const terminationLog = join(scratch, 'termination');
    const state = { child: undefined as never as ReturnType<typeof startBuildProgram>, log: [] as Buffer[], more: new Set<PassThrough>(), ended: false };
    await makeScratch(scratch);
    const env = {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin', SLIPWAY_BUILD_FOLDER: scratch, SLIPWAY_SERVICE_ACCOUNT: account, SLIPWAY_TERMINATION_LOG: terminationLog, SLIPWAY_REGISTRY_ADDRESS: `127.0.0.1:${registryPort}`,
      // As the kubelet expands them.
      ...Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value?.replaceAll('$$', '$')])),
    };
    state.child = startBuildProgram(tools, scratch, env, 'namespaces');
    node.set(key, state);
    for (const stream of [state.child.stdout, state.child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        state.log.push(chunk);
        for (const out of state.more) out.write(chunk);
      });
    }
    const ended = new Promise<number>((resolve) => state.child.once('close', (code) => resolve(code ?? 137)));
    const startedAt = new Date().toISOString().slice(0, 19) + 'Z';
    const status = (phase: string, stateOf: object) => ({ phase, startTime: startedAt, containerStatuses: [{ name: container?.name ?? '', ready: phase === 'Running', restartCount: 0, image: 'slipway/tools', imageID: 'slipway/tools', state: stateOf }] });
    await client.patch(pods, { ...pod.metadata, subresource: 'status' }, 'merge', { status: status('Running', { running: { startedAt } }) }).catch(() => undefined);
    const exitCode = await ended;
    state.ended = true;
    for (const out of state.more) out.end();
    const message = await readFile(terminationLog, 'utf8').catch(() => '');
    const terminated = { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', message, startedAt, finishedAt: new Date().toISOString().slice(0, 19) + 'Z' };
    await client.patch(pods, { ...pod.metadata, subresource: 'status' }, 'merge', { status: status(exitCode === 0 ? 'Succeeded' : 'Failed', { running: null, terminated }) }).catch(() => undefined);
  }

  const https = await import('node:https');
  const send = (method: string, path: string, body?: Readable) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const request = https.request(`${url}${path}`, { method, ca: ca.certificate, headers: { authorization: 'Bearer admin' }, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      });
      request.on('error', reject);
      if (body) body.pipe(request);
      else request.end();
    });

  return {
    client, registry, folder, hold,
    async publishBuilders(only) {
      const machine = { ...thisMachine, env: process.getuid?.() === 0 ? { PATH: '/usr/bin:/bin' } : process.env };
      const toolchains = (told: (one: Toolchain) => void) => detectToolchains(machine, (one) => (!only || only.includes(one.builder) ? told(one) : undefined));
      const catalog = catalogModule({ registry, scratch: join(folder, 'catalog'), toolchains });
      await catalog.start?.({ ...context, scope: own });
      await catalog.published;
    },
    async upload(path, body) {
      const { status, text } = await send('POST', path, body);
      return { status, body: JSON.parse(text) as unknown };
    },
    read: (path) => send('GET', path),
    async until(namespace, name, is = (one) => one.status.phase === 'Complete') {
      const cache = informers.for(builds);
      await cache.synced;
      return new Promise((resolve, reject) => {
        const look = (object: Build) => {
          if (object.metadata.namespace !== namespace || object.metadata.name !== name) return;
          if (is(object)) resolve(copyJson(object));
          else if (finishedPhases.includes(object.status.phase) && object.status.phase !== 'Complete') reject(new Error(`build ended: ${JSON.stringify(object.status)}`));
        };
        own.own(cache.onChange(({ object }) => look(object)));
      });
    },
    async untilEvent(reason, about) {
      const cache = informers.for(events);
      await cache.synced;
      await new Promise<void>((resolve) => own.own(cache.onChange(({ object }) => void (object.reason === reason && object.involvedObject.name === about && resolve()))));
    },
    async close() {
      for (const { child } of node.values()) child.kill('SIGKILL');
      await scope.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
