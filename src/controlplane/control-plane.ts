/** The control plane put together: the ordered list of modules, and every connection between them that is made by hand. */
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTimeOf } from '../agent/runtime/procfs.ts';
import { systemClock } from '../base/clock.ts';
import { Scope } from '../base/disposable.ts';
import { socketPath, runDirectoryOf } from '../client/daemon/home.ts';
import { pruneBundles } from '../client/daemon/install.ts';
import type { RunInfo, StartPhase, StartReport } from '../protocol/daemon.ts';
import { protocolVersion } from '../protocol/daemon.ts';
import { homeLayout } from '../protocol/home.ts';
import { createApiServer, type ApiServer } from './kernel/apiserver/api-server.ts';
import type { UserInfo } from './kernel/apiserver/kind.ts';
import { boot, kindsOf, type Boot } from './kernel/boot/boot.ts';
import { openControlSocket, makeRunDirectory, AlreadyRunning } from './kernel/boot/control-socket.ts';
import { listenOnLoopback, listenOnSocket } from './kernel/boot/listen.ts';
import { writeAdminKubeconfig } from './kernel/pki/admin-kubeconfig.ts';
import { openPki } from './kernel/pki/pki.ts';
import { garbageCollector } from './kernel/reconcile/garbage-collector.ts';
import { informerFactory } from './kernel/reconcile/informer-factory.ts';
import { storeSchemaVersion } from './kernel/store/sqlite/database.ts';
import { chooseRouter } from './machine/choose-router.ts';
import { chooseRuntime } from './machine/choose-runtime.ts';
import { connectModules } from './modules.ts';
import { openLogs } from './open-logs.ts';
import { openStore } from './open-store.ts';
import type { ControlPlaneOptions } from './options.ts';
import { keepCertificates } from './keep-certificates.ts';
import { requestLog } from './request-log.ts';
import { StartRefused } from './start-report.ts';
import { writeRunInfo } from './run-info.ts';
import { RbacAuthorizer } from './project/rbac/authorizer.ts';
import { TokenAuthority } from './project/token/token-authority.ts';

declare const __VERSION__: string;

export interface RunningControlPlane {
  /** Ends apps and everything else; resolves when it is done. */
  stop(): Promise<void>;
  /** Somebody asked for the end over the control socket, and it is reached. */
  onStopped(listener: () => void): void;
}

const preferredApiPorts = [6443, 16443];

/** A module that is told to stop in the middle of its start has this long to let go of what it has just begun. */
const letGoMs = 3_000;

/** `signal` ends a start that is under way: whatever it has made is ended again, then it rejects. */
export async function startControlPlane(options: ControlPlaneOptions, report: (report: StartReport) => void, signal: AbortSignal): Promise<RunningControlPlane> {
  const { home } = options;
  const scope = new Scope();
  const phase = (name: StartPhase) => report({ phase: name });
  const clock = systemClock;
  const startedAt = clock.now();
  const runDirectory = runDirectoryOf(home);
  const sockets = { api: socketPath(runDirectory, 'api'), registry: socketPath(runDirectory, 'registry'), egress: socketPath(runDirectory, 'egress') };
  const stopped: (() => void)[] = [];
  let ending: Promise<void> | undefined;
  const stop = () => (ending ??= scope.dispose());
  try {
    makeRunDirectory(runDirectory);
    let owned = false;
    // Ended last. A start that was refused leaves the sockets of the one that runs.
    scope.defer(() => (owned ? rm(runDirectory, { recursive: true, force: true }) : undefined));
    const control = scope.own(await openControlSocket(socketPath(runDirectory, 'control'), async () => {
      await stop();
      // After the answer has left.
      setTimeout(() => stopped.forEach((tell) => tell()), 20);
    }).catch((error: unknown) => {
      if (!(error instanceof AlreadyRunning)) throw error;
      throw new StartRefused('AlreadyRunning', `A platform runs on "${home}" already.`, 'Use it, or stop it first: slipway down');
    }));
    owned = true;
    for (const folder of [homeLayout.logs, homeLayout.cache, homeLayout.nodes, homeLayout.volumes]) await mkdir(path.join(home, folder), { recursive: true, mode: 0o700 });
    const logs = scope.own(openLogs(path.join(home, homeLayout.logs)));
    const { log } = logs;

    const chosen = await chooseRuntime(options);
    const runtime = chosen.name;
    const haproxy = await chooseRouter(options.router);
    phase('keys');
    const pki = await openPki(path.join(home, homeLayout.pki), { clock });
    phase('store');
    const store = scope.own(await openStore(path.join(home, homeLayout.store, 'slipway.db'), options.recover, log));

    const staticTokens = new Map<string, UserInfo>();
    const tokens = new TokenAuthority({ key: pki.serviceAccountKey, clock, staticTokens });
    const rbac = new RbacAuthorizer();
    const parts = connectModules({ home, runDirectory, sockets, runtime: chosen, haproxy, options, pki, store, tokens, rbac, staticTokens, clock, logs, phase, bundles: __dirname, client: (user) => api.client(user) });
    const api: ApiServer = scope.own(createApiServer({
      store, kinds: kindsOf(parts.modules), admission: parts.modules.flatMap(({ admission = [] }) => admission), clock, log, authorize: rbac.authorize, tokens, requests: requestLog(process.env.SLIPWAY_REQUEST_LOG),
      checks: { store: () => undefined, modules: () => (booting.ready ? undefined : 'starting') },
    }));

    phase('api');
    const listener = api.listener({ key: pki.server.key, cert: pki.server.certificate, ca: pki.caCertificate });
    const { port, dispose } = await listenOnLoopback(listener, options.apiPort, preferredApiPorts);
    scope.defer(dispose);
    scope.own(await listenOnSocket(listener, sockets.api));
    scope.own(keepCertificates(pki, clock, log, () => listener.setSecureContext({ key: pki.server.key, cert: pki.server.certificate, ca: pki.caCertificate })));
    const address = `https://127.0.0.1:${port}`;
    const kubeconfig = path.join(home, homeLayout.kubeconfig);
    await writeAdminKubeconfig(kubeconfig, pki, address);

    const informers = scope.own(informerFactory(api.client(platformUser('informers')), clock, log));
    scope.own(garbageCollector({ store, client: api.client(platformUser('garbage-collector')), resources: parts.storedResources(), clock, log }));
    const booting: Boot = scope.own(boot({
      modules: parts.modules,
      context: ({ name }) => ({ client: api.client(platformUser(name)), informers, clock, log: logs.of(name) }),
      log,
    }));
    signal.throwIfAborted();
    await startUnlessStopped(booting, signal, stop);

    const info: RunInfo = {
      pid: process.pid,
      startTime: startTimeOf(process.pid) ?? '',
      version: __VERSION__,
      protocol: { min: protocolVersion, max: protocolVersion },
      storeSchema: storeSchemaVersion,
      bundles: __dirname,
      api: address,
      kubeconfig,
      ...parts.addresses(),
      runtime,
      ...(chosen.name === 'engine' && { engine: chosen.engine.address.url }),
      startedAt: startedAt.toISOString(),
      runDirectory,
    };
    await writeRunInfo(home, info);
    scope.defer(() => rm(path.join(home, homeLayout.runInfo), { force: true }));
    control.ready(info);
    log.info('ready', { api: address, runtime, milliseconds: clock.now().getTime() - startedAt.getTime() });
    report({ ready: info });
    void pruneBundles(home, [__dirname]).catch((error: unknown) => log.warn('old versions could not be removed', { error }));
    return { stop, onStopped: (listener_) => void stopped.push(listener_) };
  } catch (error) {
    const asked = ending !== undefined;
    await stop().catch(() => undefined);
    // What broke because it was ended under the start says nothing.
    throw asked ? new StartRefused('Stopped', 'The start was stopped.') : error;
  }
}

async function startUnlessStopped(booting: Boot, signal: AbortSignal, stop: () => Promise<void>): Promise<void> {
  const started = booting.start();
  let giveUp: () => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => {
    giveUp = () => {
      const over = () => reject(new Error('stopped while starting'));
      void stop().catch(() => undefined).then(() => Promise.race([started, sleep(letGoMs)])).then(over, over);
    };
  });
  signal.addEventListener('abort', giveUp);
  try {
    await Promise.race([started, stopped]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** Every module acts as a service account of its own; all of them are trusted as the platform itself. */
function platformUser(module: string): UserInfo {
  return { username: `system:serviceaccount:kube-system:${module}-controller`, groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated', 'system:masters'] };
}
