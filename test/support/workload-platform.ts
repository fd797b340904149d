/** API server, store and the stages deployment, service and route, with a kubelet that needs no machine: what workloads need and nothing else. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { events, nodes, pods, replicationControllers, type Event, type Namespace, namespaces, type Node, type Pod } from '../../src/api/kinds/core.ts';
import { imageStreams, type ImageStream } from '../../src/api/kinds/image.ts';
import { copyJson } from '../../src/api/json.ts';
import { keyOf, toTime } from '../../src/api/meta.ts';
import { toolsImage } from '../../src/api/well-known.ts';
import { delay, systemClock } from '../../src/base/clock.ts';
import { Scope } from '../../src/base/disposable.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Client } from '../../src/client/client.ts';
import { eventRecorder } from '../../src/client/event-recorder.ts';
import { autoscaleModule } from '../../src/controlplane/autoscale/module.ts';
import { deploymentModule } from '../../src/controlplane/deployment/module.ts';
import { runRollout } from '../../src/controlplane/deployment/tools/run-rollout.ts';
import { createApiServer } from '../../src/controlplane/kernel/apiserver/api-server.ts';
import { kind, type Kind } from '../../src/controlplane/kernel/apiserver/kind.ts';
import { garbageCollector } from '../../src/controlplane/kernel/reconcile/garbage-collector.ts';
import { informerFactory } from '../../src/controlplane/kernel/reconcile/informer-factory.ts';
import { openSqliteStore } from '../../src/controlplane/kernel/store/sqlite/sqlite-store.ts';
import { secretKind } from '../../src/controlplane/project/secret.ts';
import { routeModule } from '../../src/controlplane/route/module.ts';
import type { DataPlane } from '../../src/controlplane/route/data-plane/data-plane.ts';
import { serviceModule } from '../../src/controlplane/service/module.ts';
import type { StatsSummary } from '../../src/protocol/stats.ts';
import { authority } from './certificates.ts';

const plainKinds: readonly Kind[] = [
  kind<Namespace>({ type: 'stored', resource: namespaces, generation: false }),
  kind<Node>({ type: 'stored', resource: nodes, generation: false }),
  kind<Pod>({
    type: 'stored',
    resource: pods,
    generation: false,
    statusSubresource: true,
    prepareCreate: (pod) => void (pod.status = { phase: 'Pending' }),
    selectableFields: { 'spec.nodeName': ({ spec }) => spec.nodeName ?? '', 'status.phase': ({ status }) => status?.phase ?? '' },
  }),
  kind<Event>({
    type: 'stored', resource: events, generation: false, statusSubresource: false,
    selectableFields: { 'involvedObject.kind': ({ involvedObject }) => involvedObject.kind ?? '', 'involvedObject.name': ({ involvedObject }) => involvedObject.name ?? '', 'involvedObject.uid': ({ involvedObject }) => involvedObject.uid ?? '' },
  }),
  kind<ImageStream>({ type: 'stored', resource: imageStreams, statusSubresource: true }),
  kind(secretKind),
];

/** Made once a process. */
let authorities: ReturnType<typeof authority> | undefined;
const admin = { username: 'system:admin', groups: ['system:masters'] };

/** How a pod fares; `hold` leaves it pending, `retried` fails, is started again by the node and succeeds. */
export type Fate = 'ready' | 'unready' | 'hold' | 'fail' | 'done' | 'retried';

export interface WorkloadPlatform {
  client: Client;
  /** Decides for each new application pod; default ready. */
  fate: (pod: Pod) => Fate;
  /** Lines that deployer pods wrote, by pod name. */
  logs: Map<string, string[]>;
  /** Reasons of the events of an object, oldest first. */
  story(name: string): Promise<string[]>;
  /** The same with what they say. */
  messages(name: string): Promise<string[]>;
  get(path: string): Promise<unknown>;
  /** A list as kubectl prints it: names of the columns shown by default, then the rows without AGE. */
  table(path: string): Promise<{ columns: string[]; rows: unknown[][] }>;
  /** Of the API, over HTTPS on loopback; any token is the administrator's. */
  port: number;
  ca: string;
  dispose(): Promise<void>;
}

export interface WorkloadOptions {
  router?: DataPlane;
  /** What nodes use, as their agents would tell. */
  summary?: (node: string) => Promise<StatsSummary>;
  /** False: deployer pods stay pending, the test runs the deployer itself. */
  deployers?: boolean;
  /** What belongs to something that is gone goes, too. */
  collected?: boolean;
}

export async function startWorkloads(options: WorkloadOptions = {}): Promise<WorkloadPlatform> {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-workloads-'));
  const scope = new Scope();
  scope.defer(() => rmSync(folder, { recursive: true, force: true }));
  const store = scope.own(await openSqliteStore({ file: path.join(folder, 'store.db') }));
  const logs = new Map<string, string[]>();
  const modules = [
    deploymentModule({
      clock: systemClock,
      podTemplate: { defaults: () => undefined, validate: () => [] },
      podLog: async ({ name }) => Readable.from([`log of ${name}\n${(logs.get(name) ?? []).join('\n')}`]),
    }),
    autoscaleModule({ clock: systemClock, log: silentLog, summary: options.summary ?? (() => Promise.reject(new Error('no agents here'))) }),
    serviceModule({ clock: systemClock }),
    routeModule({ router: options.router, authorize: ({ groups }) => ({ allowed: groups.includes('system:masters') }) }),
  ];
  const kinds = [...plainKinds, ...modules.flatMap((module) => module.kinds)];
  const api = scope.own(createApiServer({ store, kinds, clock: systemClock, log: silentLog, authorize: () => ({ allowed: false }), tokens: { review: async () => admin } }));
  const client = api.client(admin);
  for (const name of ['default', 'demo']) await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const root = await (authorities ??= authority());
  const { certificate, key } = await root.sign('CN=kubernetes', ['127.0.0.1']);
  const server = createServer({ cert: certificate, key }, api.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.defer(() => (server.closeAllConnections(), new Promise<void>((resolve) => void server.close(() => resolve()))));
  const { port } = server.address() as AddressInfo;
  const informers = scope.own(informerFactory(client, systemClock, silentLog));
  if (options.collected) scope.own(garbageCollector({ store, client, resources: kinds.filter(({ type }) => type === 'stored').map(({ resource }) => resource), clock: systemClock, log: silentLog }));
  const own = scope.own(new Scope());
  const platform: WorkloadPlatform = {
    client,
    fate: () => 'ready',
    logs,
    story: async (name) => (await eventsOf(client, name)).map(({ reason = '' }) => reason),
    messages: async (name) => (await eventsOf(client, name)).map(({ reason, message }) => `${reason} ${message}`),
    get: (target) => client.raw('GET', target),
    port,
    ca: root.certificate,
    async table(target) {
      const { columnDefinitions, rows } = (await fetchTable(port, root.certificate, target)) as { columnDefinitions: { name: string; priority: number }[]; rows: { cells: unknown[] }[] };
      const shown = columnDefinitions.map(({ name, priority }) => priority === 0 && name !== 'Age');
      return { columns: columnDefinitions.filter((_, at) => shown[at]).map(({ name }) => name), rows: rows.map(({ cells }) => cells.filter((_, at) => shown[at])) };
    },
    dispose: () => scope.dispose(),
  };
  for (const module of modules) await module.start?.({ client, informers, clock: systemClock, log: silentLog, scope: own });

  const recorder = own.own(eventRecorder(client, 'deployer', systemClock));
  let address = 1;
  const running = new Set<Promise<void>>();
  const abort = new AbortController();
  own.defer(async () => {
    abort.abort(new Error('the test is over'));
    await Promise.allSettled(running);
  });
  const podCache = informers.for(pods);
  own.own(podCache.onChange(({ type, object }) => {
    if (type !== 'added') return;
    const task = run(object).catch(() => undefined);
    running.add(task);
    void task.finally(() => running.delete(task));
  }));

  async function run(pod: Pod): Promise<void> {
    const deployer = pod.spec.containers[0]?.image === toolsImage;
    const fate = !deployer ? platform.fate(pod) : options.deployers === false ? 'hold' : 'ready';
    if (fate === 'hold') return;
    const podIP = `10.128.0.${++address}`;
    await setStatus(pod, { phase: 'Running', podIP, conditions: [{ type: 'Ready', status: fate === 'ready' ? 'True' : 'False', lastTransitionTime: toTime(new Date()) }] });
    if (deployer) await deploy(pod);
    else if (fate === 'fail') await setStatus(pod, { phase: 'Failed' });
    else if (fate === 'retried') {
      await setStatus(pod, { containerStatuses: [{ name: 'c', image: '', imageID: '', ready: false, restartCount: 1 }] });
      // Whoever follows has to see that it runs again.
      await delay(systemClock, 100, abort.signal);
      await setStatus(pod, { phase: 'Succeeded' });
    } else if (fate === 'done') await setStatus(pod, { phase: 'Succeeded' });
  }

  async function deploy(pod: Pod): Promise<void> {
    const lines: string[] = [];
    logs.set(pod.metadata.name, lines);
    const env = Object.fromEntries((pod.spec.containers[0]?.env ?? []).map(({ name, value }) => [name, value ?? '']));
    const { args = [], command = [] } = pod.spec.containers[0] ?? {};
    // A command of the rollout's own calls the deployer as often as it likes.
    const calls = command.length > 0 ? command.join(' ').split('openshift-deploy').slice(1) : [args.join(' ')];
    let phase: 'Succeeded' | 'Failed' = 'Succeeded';
    try {
      for (const call of calls) {
        const rollout = await client.get(replicationControllers, { name: env.OPENSHIFT_DEPLOYMENT_NAME ?? '', namespace: env.OPENSHIFT_DEPLOYMENT_NAMESPACE });
        await runRollout(rollout, {
          client, clock: systemClock, write: (line) => lines.push(line), signal: abort.signal, began: systemClock.now(), until: /--until=([^ ;]+)/.exec(call)?.[1],
          async *follow({ name }) {
            yield* logs.get(name) ?? [];
          },
          event: (type, about, reason, message) => recorder[type](about, reason, message),
        });
      }
    } catch (error) {
      lines.push(`error: ${(error as Error).message}`);
      phase = 'Failed';
    }
    await setStatus(pod, { phase });
  }

  async function setStatus(pod: Pod, status: Pod['status']): Promise<void> {
    const { name, namespace } = pod.metadata;
    const current = podCache.get(keyOf(pod)) ?? pod;
    const { resourceVersion: _, ...metadata } = copyJson(current.metadata);
    await client.update(pods, { ...copyJson(current), metadata, status: { ...current.status, ...status } } as Pod, { name, namespace, subresource: 'status' });
  }
  return platform;
}

async function eventsOf(client: Client, name: string): Promise<Event[]> {
  const { items } = await client.list(events, { namespace: 'demo' });
  return items.filter((event) => event.involvedObject.name === name).sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
}

function fetchTable(port: number, ca: string, target: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    httpsRequest({ host: '127.0.0.1', port, ca, path: target, headers: { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io', Authorization: 'Bearer admin' } }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += String(chunk)));
      response.once('end', () => resolve(JSON.parse(text)));
    }).once('error', reject).end();
  });
}

export const template = (image = 'web:1', labels: Record<string, string> = { app: 'web' }) => ({ metadata: { labels }, spec: { containers: [{ name: 'web', image, ports: [{ containerPort: 8080 }] }] } });
