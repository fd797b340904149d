/** Keeps a router worker running: holds its listeners, hands it the table, starts it again when it ends. */
import type { Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import { routerDescriptors, type RouterListener, type RouterMetrics, type RouterReport, type RouterRoute } from '../../protocol/router.ts';
import { bindSocket, canHandOver, freePort, PortTaken, type BoundSocket } from './listeners.ts';
import { RouterWorker, type SpawnInside } from './router-worker.ts';

export interface RouterOptions {
  spawnInside: SpawnInside;
  /** Program and arguments of the worker, e.g. the Node binary and `router.js`. */
  command: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** PEM; for hosts whose routes bring no certificate. */
  defaultCertificate: { certificate: string; key: string };
  /** Default 127.0.0.1. */
  host?: string | undefined;
  /** Asked for by the user: exactly these, or starting fails. Otherwise 8080 and 8443 or the next free ones. */
  http?: number | undefined;
  https?: number | undefined;
  clock: Clock;
  log: Log;
}

export interface RouterPorts {
  http: number;
  https: number;
}

export interface RouterSupervisor extends Disposable {
  /** Resolves when the worker serves; rejects with a text for the user when a port is taken or the worker cannot run. */
  start(): Promise<RouterPorts>;
  /** Once started. */
  readonly ports: RouterPorts | undefined;
  /** Pid of the worker at this moment. */
  readonly pid: number | undefined;
  /** The whole table; what changed is worked out here. */
  apply(table: ReadonlyMap<string, RouterRoute>): void;
  /** Told when a route is answered for the first time since the router was started. One listener. */
  onFirstAnswer(listener: (key: string, status: number) => void): void;
  /** Undefined while no worker answers. */
  metrics(): Promise<RouterMetrics | undefined>;
}

const preferred: RouterPorts = { http: 8_080, https: 8_443 };
const firstRestartMs = 50;
const longestRestartMs = 10_000;
/** A worker that ran this long was well. */
const healthyMs = 60_000;
/** Worker ends before it ever served: after this many starting is given up. */
const mostFailedStarts = 5;
const probeEveryMs = 10_000;
const probeAnswerMs = 5_000;
const stopGraceMs = 3_000;

export function routerSupervisor(options: RouterOptions): RouterSupervisor {
  return new Supervisor(options);
}

class Supervisor implements RouterSupervisor {
  ports: RouterPorts | undefined;
  readonly #options: RouterOptions;
  readonly #host: string;
  readonly #log: Log;
  #sockets: { http: BoundSocket; https: BoundSocket } | undefined;
  #worker: RouterWorker | undefined;
  #startedAt = 0;
  #restarts = 0;
  #failedStarts = 0;
  #stopping = false;
  #chosen: RouterPorts = preferred;
  #restart: Disposable | undefined;
  #nextProbe: Disposable | undefined;
  /** As the worker knows it: route key to its JSON. */
  #sent = new Map<string, string>();
  #table: ReadonlyMap<string, RouterRoute> = new Map();
  #version = 0;
  #probes = new Map<number, (metrics: RouterMetrics) => void>();
  #probe = 0;
  /** Keys of routes in the table that were told of. */
  #answered = new Set<string>();
  #firstAnswer: (key: string, status: number) => void = () => undefined;
  #started: { resolve(ports: RouterPorts): void; reject(error: Error): void } | undefined;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#host = options.host ?? '127.0.0.1';
    this.#log = options.log.child('router');
  }

  get pid(): number | undefined {
    return this.#worker?.pid;
  }

  async start(): Promise<RouterPorts> {
    await this.#choosePorts();
    const started = new Promise<RouterPorts>((resolve, reject) => (this.#started = { resolve, reject }));
    this.#spawn();
    this.#watch();
    return started;
  }

  apply(table: ReadonlyMap<string, RouterRoute>): void {
    this.#table = table;
    for (const key of this.#answered) if (!table.has(key)) this.#answered.delete(key);
    this.#push(false);
  }

  onFirstAnswer(listener: (key: string, status: number) => void): void {
    this.#firstAnswer = listener;
  }

  async metrics(): Promise<RouterMetrics | undefined> {
    const worker = this.#worker;
    if (!worker || !this.ports) return undefined;
    const id = (this.#probe += 1);
    return new Promise((resolve) => {
      const give = (metrics: RouterMetrics | undefined) => {
        void timer.dispose();
        this.#probes.delete(id);
        resolve(metrics);
      };
      const timer = this.#options.clock.after(probeAnswerMs, () => give(undefined));
      this.#probes.set(id, give);
      worker.send({ type: 'probe', id });
    });
  }

  async dispose(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    await this.#restart?.dispose();
    await this.#nextProbe?.dispose();
    const worker = this.#worker;
    if (worker) {
      worker.send({ type: 'stop', graceMs: stopGraceMs });
      const timer = this.#options.clock.after(stopGraceMs + 1_000, () => worker.kill());
      await worker.exited;
      await timer.dispose();
    }
    await this.#release();
  }

  async #choosePorts(): Promise<void> {
    const { http, https } = this.#options;
    const first = await freePort(this.#host, http ?? preferred.http, http !== undefined);
    const second = await freePort(this.#host, https ?? preferred.https, https !== undefined, new Set([first]));
    this.ports = undefined;
    this.#chosen = { http: first, https: second };
    if (!canHandOver) return;
    await this.#release();
    this.#sockets = { http: bindSocket(this.#host, first), https: bindSocket(this.#host, second) };
  }
  async #release(): Promise<void> {
    await this.#sockets?.http.dispose();
    await this.#sockets?.https.dispose();
    this.#sockets = undefined;
  }

  #spawn(): void {
    if (this.#stopping) return;
    const { spawnInside, command, env = {}, defaultCertificate, clock } = this.#options;
    const handed = this.#sockets ? [this.#sockets.http.descriptor, this.#sockets.https.descriptor] : [];
    const listener = (name: 'http' | 'https'): RouterListener => (this.#sockets ? { fd: routerDescriptors[name] } : { host: this.#host, port: this.#chosen[name] });
    const worker = new RouterWorker(spawnInside(command, { stdio: ['pipe', 'pipe', 'pipe', ...handed], env }), (report) => this.#hear(worker, report), this.#log);
    this.#worker = worker;
    this.#startedAt = clock.now().getTime();
    worker.send({ type: 'configure', http: listener('http'), https: listener('https'), defaultCertificate });
    this.#push(true);
    void worker.exited.then((why) => this.#ended(worker, why));
  }

  #push(whole: boolean): void {
    if (!this.#worker) return;
    const next = new Map([...this.#table].map(([key, route]) => [key, JSON.stringify(route)]));
    const set = [...this.#table.values()].filter((route) => whole || this.#sent.get(route.key) !== next.get(route.key));
    const remove = [...this.#sent.keys()].filter((key) => !next.has(key));
    this.#sent = next;
    if (!whole && set.length === 0 && remove.length === 0) return;
    this.#version += 1;
    this.#worker.send({ type: 'table', version: this.#version, replace: whole, set, remove: whole ? [] : remove });
  }

  #hear(worker: RouterWorker, report: RouterReport): void {
    if (worker !== this.#worker) return;
    switch (report.type) {
      case 'ready':
        this.ports = { http: report.http, https: report.https };
        this.#failedStarts = 0;
        this.#started?.resolve(this.ports);
        this.#started = undefined;
        break;
      case 'failed':
        void this.#elsewhere(worker, report);
        break;
      case 'rejected':
        this.#log.warn('a certificate cannot be used', { route: report.key, message: report.message });
        break;
      case 'answered':
        // A worker that took another's place tells again.
        if (this.#answered.has(report.key) || !this.#table.has(report.key)) break;
        this.#answered.add(report.key);
        this.#firstAnswer(report.key, report.status);
        break;
      case 'health':
        this.#probes.get(report.id)?.(report.metrics);
        break;
      case 'applied':
        break;
    }
  }

  /** Somebody else took the port between our look and the worker's listening. */
  async #elsewhere(worker: RouterWorker, { listener, code, message }: Extract<RouterReport, { type: 'failed' }>): Promise<void> {
    this.#worker = undefined;
    worker.kill();
    try {
      if (code !== 'EADDRINUSE' || !this.#started || ++this.#failedStarts >= mostFailedStarts) throw new Error(`the router cannot listen on port ${this.#chosen[listener]}: ${message}`);
      if (this.#options[listener] !== undefined) throw new PortTaken(this.#chosen[listener], this.#host);
      await this.#choosePorts();
      this.#spawn();
    } catch (error) {
      this.#giveUp(error as Error);
    }
  }

  #giveUp(error: Error): void {
    this.#log.error('the router does not run', { error });
    this.#started?.reject(error);
    this.#started = undefined;
  }

  #ended(worker: RouterWorker, why: string): void {
    if (worker !== this.#worker || this.#stopping) return;
    this.#worker = undefined;
    if (this.#started && ++this.#failedStarts >= mostFailedStarts) return this.#giveUp(new Error(`the router worker does not start: it ended with ${why}; its log tells more`));
    const { clock } = this.#options;
    if (clock.now().getTime() - this.#startedAt > healthyMs) this.#restarts = 0;
    const wait = Math.min(longestRestartMs, firstRestartMs * 2 ** Math.min(this.#restarts, 20));
    this.#restarts += 1;
    this.#log.warn('the router worker ended and is started again', { why, wait });
    this.#restart = clock.after(wait, () => this.#spawn());
  }

  /** A worker that no longer answers is as good as dead. */
  #watch(): void {
    this.#nextProbe = this.#options.clock.after(probeEveryMs, () => {
      const worker = this.#worker;
      void this.metrics().then((answer) => {
        if (this.#stopping) return;
        if (!answer && worker && worker === this.#worker && this.ports) {
          this.#log.warn('the router worker does not answer');
          worker.kill();
        }
        this.#watch();
      });
    });
  }
}
