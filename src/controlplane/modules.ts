/** The list of modules in boot order, and what each is given by the others. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:https';
import path from 'node:path';
import { defaultPodSpec } from '../api/pod-defaults.ts';
import { validatePodSpec } from '../api/pod-validation.ts';
import { services } from '../api/kinds/core.ts';
import type { Resource } from '../api/resource.ts';
import { systemAddresses, systemProject, systemServices } from '../api/well-known.ts';
import type { Clock } from '../base/clock.ts';
import { routerPortAnnotations, routerStatsAnnotation } from '../client/apps/route-url.ts';
import type { Client } from '../client/client.ts';
import { registryHost } from '../api/kinds/image.ts';
import { isInternal } from '../oci/reference.ts';
import { registryClient } from '../oci/registry-client.ts';
import type { RunInfo, StartPhase } from '../protocol/daemon.ts';
import { homeLayout } from '../protocol/home.ts';
import type { FoundHaproxy } from '../detect/haproxy.ts';
import { podDialVariable } from '../protocol/router.ts';
import { autoscaleModule } from './autoscale/module.ts';
import { buildModule } from './build/module.ts';
import { makeImageBeside } from './catalog/builder-process.ts';
import { catalogModule } from './catalog/module.ts';
import { deploymentModule } from './deployment/module.ts';
import { openRegistry } from './image/importer.ts';
import { imageModule } from './image/module.ts';
import type { Kind, StoredKind, UserInfo } from './kernel/apiserver/kind.ts';
import type { Module } from './kernel/boot/module.ts';
import { listenOnLoopback, listenOnSocket } from './kernel/boot/listen.ts';
import type { Pki } from './kernel/pki/pki.ts';
import type { Store } from './kernel/store/store.ts';
import type { ChosenRuntime } from './machine/choose-runtime.ts';
import { GroundProgram } from './machine/ground-program.ts';
import { machineModule } from './machine/module.ts';
import { nodeName } from './machine/plan.ts';
import type { Logs } from './open-logs.ts';
import type { ControlPlaneOptions } from './options.ts';
import type { SystemPart } from './pod/mirror-pods.ts';
import { nodeSummary } from './pod/agent-client.ts';
import { podModule } from './pod/module.ts';
import { PodAccess } from './pod/pod-access.ts';
import { projectModule } from './project/module.ts';
import type { RbacAuthorizer } from './project/rbac/authorizer.ts';
import type { TokenAuthority } from './project/token/token-authority.ts';
import { routeModule } from './route/module.ts';
import { routerSupervisor } from './route/data-plane/supervisor.ts';
import { serviceModule } from './service/module.ts';
import { StartRefused } from './start-report.ts';

export interface Surroundings {
  home: string;
  runDirectory: string;
  sockets: { api: string; registry: string; egress: string };
  runtime: ChosenRuntime;
  /** What serves routes, where it was asked for. */
  haproxy: FoundHaproxy | undefined;
  options: ControlPlaneOptions;
  pki: Pki;
  store: Store;
  tokens: TokenAuthority;
  rbac: RbacAuthorizer;
  /** Tokens of the platform's own parts; filled here. */
  staticTokens: Map<string, UserInfo>;
  clock: Clock;
  logs: Logs;
  phase(name: StartPhase): void;
  /** Folder of the product's programs. */
  bundles: string;
  client(user: UserInfo): Client;
}

export interface ConnectedModules {
  modules: readonly Module[];
  storedResources(): readonly Resource[];
  /** Once booted. */
  addresses(): Pick<RunInfo, 'registry' | 'router'>;
}

/** Whoever is logged in to the registry stays so when the platform is started again. */
const preferredRegistryPorts = [15000];

export function connectModules(around: Surroundings): ConnectedModules {
  const { home, runDirectory, sockets, runtime, haproxy, options, pki, store, tokens, rbac, clock, logs, phase, bundles } = around;
  const { log } = logs;
  const issue = (user: UserInfo): string => {
    const token = `slipway~${randomBytes(32).toString('base64url')}`;
    around.staticTokens.set(token, user);
    return token;
  };
  let registryPort = 0;

  const project = projectModule({ clock, store, rbac, tokens, caCertificate: pki.caCertificate, namespaced: () => stored(modules).filter((kind) => kind.resource.namespaced).map((kind) => kind.resource) });
  const pod = podModule({ store, clock, log, volumesFolder: path.join(home, homeLayout.volumes) });
  const image = imageModule({
    registryDirectory: path.join(home, homeLayout.registry),
    tokens,
    authorize: rbac.authorize,
    publicHost: () => (registryPort ? `127.0.0.1:${registryPort}` : undefined),
    // Images of this platform's own registry are imported with the project's credentials, like everyone's.
    openRegistry: (reference, choices) => (isInternal(reference) ? registryClient({ baseUrl: `https://${registryHost}`, socketPath: sockets.registry, ca: pki.caCertificate, ...(choices.auth && { auth: choices.auth }) }) : openRegistry(reference, choices)),
    async listen(registry) {
      const server = createServer({ key: pki.server.key, cert: pki.server.certificate }, (request, response) => registry.handler(request, response));
      server.requestTimeout = 0;
      const tcp = await listenOnLoopback(server, undefined, preferredRegistryPorts);
      registryPort = tcp.port;
      const socket = await listenOnSocket(server, sockets.registry);
      return { dispose: async () => (await socket.dispose(), await tcp.dispose()) };
    },
  });
  const machine = machineModule({
    home, runDirectory, runtime, bundles, sockets,
    nodeBinary: process.execPath,
    caCertificate: () => pki.caCertificate,
    nodeToken: (name) => issue({ username: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] }),
    nodeCount: Number(process.env.SLIPWAY_NODES ?? 1),
  });
  const service = serviceModule({ clock, carrier: machine.ports, addressesInside: runtime.name !== 'sandbox' });
  const template = {
    defaults: (of: { spec?: Parameters<typeof defaultPodSpec>[0] }) => void (of.spec && defaultPodSpec(of.spec)),
    validate: (of: { spec?: Parameters<typeof validatePodSpec>[0] }, field: string) => (of.spec ? validatePodSpec(of.spec, `${field}.spec`) : []),
  };
  const access = new PodAccess(store, pod.mirrors);
  const deployment = deploymentModule({ clock, podTemplate: template, podLog: (at, query, signal) => access.log(at.namespace, at.name, at.container, query, signal) });
  const autoscale = autoscaleModule({ clock, log: log.child('autoscale'), summary: (node, signal) => nodeSummary(store, node, signal) });
  const build = buildModule({ access, inputs: { directory: path.join(home, homeLayout.cache, 'builds') } });
  const catalog = catalogModule({
    registry: registryClient({ baseUrl: `https://${registryHost}`, socketPath: sockets.registry, ca: pki.caCertificate, auth: { username: 'catalog', password: issue({ username: 'system:serviceaccount:openshift:catalog', groups: ['system:masters'] }) } }),
    scratch: path.join(home, homeLayout.cache, 'catalog'),
    makeImage: makeImageBeside([process.execPath, '--no-warnings', path.join(bundles, 'control-plane.js'), '--make-builder']),
  });
  const routerProgram = new GroundProgram({ ground: () => machine.ground(), identityFile: path.join(runDirectory, 'router.json'), clock, log: logs.of('route') });
  const router = routerSupervisor({
    spawnInside: (argv, { stdio, env }) => {
      const dial = machine.ground().podDial?.();
      if (dial !== undefined && haproxy) throw new StartRefused('MissingPower', 'HAProxy cannot reach the pods of this container engine: this machine has no network to them.', 'Start without --router haproxy.');
      return routerProgram.spawn(argv, { stdio, env: { PATH: process.env.PATH, ...env, ...(dial !== undefined && { [podDialVariable]: dial }) } });
    },
    command: [process.execPath, '--no-warnings', ...(haproxy ? [path.join(bundles, 'haproxy-router.js'), haproxy.program, path.join(runDirectory, 'haproxy')] : [path.join(bundles, 'router.js')])],
    env: process.versions.electron ? { ELECTRON_RUN_AS_NODE: '1' } : {},
    defaultCertificate: { certificate: pki.apps.certificate, key: pki.apps.key },
    http: options.httpPort,
    https: options.httpsPort,
    accessLog: path.join(home, homeLayout.logs, 'access.log'),
    clock,
    log: logs.of('route'),
  });
  const route = routeModule({ router, waking: service.waking, authorize: rbac.authorize, serviceCa: { certificate: pki.caCertificate, issue: (hosts) => pki.issueServer(hosts) } });

  const modules: Module[] = [
    project, service, pod,
    during('registry', phase, image),
    during('node', phase, machine),
    deployment, autoscale, build, catalog,
    during('router', phase, {
      ...route,
      dependsOn: [...route.dependsOn, 'machine'],
      async start(context) {
        await routerProgram.endPredecessor();
        await route.start?.(context);
        await announceRouter(context.client);
        showParts();
      },
    }),
  ];

  /** Registry, router and name server as pods of project `default`: true state and logs, no container behind them. */
  function showParts(): void {
    const since = clock.now();
    const parts: Omit<SystemPart, 'nodeName'>[] = [
      { name: 'docker-registry-1', labels: { 'docker-registry': 'default' }, image: 'slipway/registry', ports: [{ name: 'registry', containerPort: systemServices.registry.port }], ip: systemServices.registry.address, logFile: logs.file('registry') },
      { name: 'router-1', labels: { router: 'router' }, image: haproxy ? `haproxy:${haproxy.version}` : 'slipway/router', ports: [{ name: 'http', containerPort: router.ports?.http ?? 80 }, { name: 'https', containerPort: router.ports?.https ?? 443 }, { name: 'metrics', containerPort: route.statsPort() ?? 1936 }], ip: systemServices.router.address, logFile: logs.file('router') },
    ];
    // Without namespaces there is no name server: pods find services by variables.
    if (runtime.name !== 'process') parts.push({ name: 'dns-1', labels: { dns: 'default' }, image: 'slipway/dns', ports: [{ name: 'dns', containerPort: 53 }], ip: systemAddresses.dns, logFile: path.join(home, homeLayout.logs, `${nodeName(1)}.log`) });
    for (const part of parts) pod.mirrors.publish({ ...part, nodeName: nodeName(1) }).set({ state: 'running', since, restarts: 0 });
  }

  async function announceRouter(client: Client): Promise<void> {
    const { ports } = router;
    if (!ports) return;
    const annotations = { [routerPortAnnotations.http]: String(ports.http), [routerPortAnnotations.https]: String(ports.https), [routerStatsAnnotation]: String(route.statsPort() ?? '') };
    await client.patch(services, { namespace: systemProject, name: 'router' }, 'merge', { metadata: { annotations } });
  }

  return {
    modules,
    storedResources: () => stored(modules).map((kind) => kind.resource),
    addresses: () => ({
      registry: `127.0.0.1:${registryPort}`,
      router: { http: `http://127.0.0.1:${router.ports?.http ?? 0}`, https: `https://127.0.0.1:${router.ports?.https ?? 0}` },
    }),
  };
}

function stored(modules: readonly Module[]): StoredKind[] {
  return modules.flatMap((module) => module.kinds).filter((kind: Kind): kind is StoredKind => kind.type === 'stored');
}

/** Tells the phase when the module's turn comes. */
function during(name: StartPhase, phase: (name: StartPhase) => void, module: Module): Module {
  return { ...module, start: async (context) => (phase(name), module.start?.(context)) };
}
