/** Keeps a router worker running: holds its listeners, hands it the table, starts it again when it ends. */
import type { Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import { routerDescriptors, type RouterListener, type RouterMetrics, type RouterReport, type RouterRoute, type RouterRouteMetrics } from '../../../protocol/router.ts';
import type { DataPlane, DataPlaneOptions, RouterPorts } from './data-plane.ts';
import { RouterSockets } from './router-sockets.ts';
import { RouterWorker } from './worker-process.ts';

export interface RouterOptions extends DataPlaneOptions {
  /** Program and arguments of the worker, e.g. the Node binary and `router.js`. */
  command: readonly string[];
}

const firstRestartMs = 50;
const longestRestartMs = 10_000;
/** A worker that ran this long was well. */
const healthyMs = 60_000;
/** Worker ends before it ever served: after this many starting is given up. */
const mostFailedStarts = 5;
const probeEveryMs = 10_000;
const answerMs = 5_000;
const stopGraceMs = 3_000;

export function routerSupervisor(options: RouterOptions): DataPlane {
  return new Supervisor(options);
}

class Supervisor implements DataPlane {
  ports: RouterPorts | undefined;
  readonly #options: RouterOptions;
  readonly #log: Log;
  readonly #sockets: RouterSockets;
  #worker: RouterWorker | undefined;
  #startedAt = 0;
  #restarts = 0;
  #failedStarts = 0;
  #stopping = false;
  #restart: Disposable | undefined;
  #nextProbe: Disposable | undefined;
  /** As the worker knows it, by key. Most routes are the very same object as before, and are not written out again. */
  #sent = new Map<string, { route: RouterRoute; text: string }>();
  #table: ReadonlyMap<string, RouterRoute> = new Map();
  #version = 0;
  #applied = 0;
  #waiting: { version: number; resolve(): void }[] = [];
  readonly #questions = new Map<number, (answer: RouterMetrics | RouterRouteMetrics[]) => void>();
  #question = 0;
  #logs = false;
  /** Keys of routes in the table that were told of. */
  #answered = new Set<string>();
  #firstAnswer: (key: string, status: number) => void = () => undefined;
  #started: { resolve(ports: RouterPorts): void; reject(error: Error): void } | undefined;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#sockets = new RouterSockets(options);
    this.#log = options.log.child('router');
  }

  get pid(): number | undefined {
    return this.#worker?.pid;
  }

  async start(): Promise<RouterPorts> {
    await this.#sockets.choose();
    const started = new Promise<RouterPorts>((resolve, reject) => (this.#started = { resolve, reject }));
    this.#spawn();
    this.#watch();
    return started;
  }

  async apply(table: ReadonlyMap<string, RouterRoute>): Promise<void> {
    this.#table = table;
    for (const key of this.#answered) if (!table.has(key)) this.#answered.delete(key);
    this.#push(false);
    if (this.#version <= this.#applied || this.#stopping) return;
    return new Promise((resolve) => void this.#waiting.push({ version: this.#version, resolve }));
  }

  onFirstAnswer(listener: (key: string, status: number) => void): void {
    this.#firstAnswer = listener;
  }

  logAccess(on: boolean): void {
    this.#logs = on;
    this.#sendLog();
  }

  metrics(): Promise<RouterMetrics | undefined> {
    return this.#ask('probe');
  }

  routeMetrics(): Promise<RouterRouteMetrics[] | undefined> {
    return this.#ask('count');
  }

  async #ask<T extends RouterMetrics | RouterRouteMetrics[]>(type: 'probe' | 'count'): Promise<T | undefined> {
    const worker = this.#worker;
    if (!worker || !this.ports) return undefined;
    const id = (this.#question += 1);
    return new Promise((resolve) => {
      const give = (answer: RouterMetrics | RouterRouteMetrics[] | undefined) => {
        void timer.dispose();
        this.#questions.delete(id);
        resolve(answer as T | undefined);
      };
      const timer = this.#options.clock.after(answerMs, () => give(undefined));
      this.#questions.set(id, give);
      worker.send({ type, id });
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
    await this.#sockets.release();
    this.#inForce(Infinity);
  }

  #spawn(): void {
    if (this.#stopping) return;
    const { spawnInside, command, env = {}, defaultCertificate, clock } = this.#options;
    const { descriptors, host, ports } = this.#sockets;
    const listener = (name: 'http' | 'https'): RouterListener => (descriptors ? { fd: routerDescriptors[name] } : { host, port: ports[name] });
    const worker = new RouterWorker(spawnInside(command, { stdio: ['pipe', 'pipe', 'pipe', ...(descriptors ?? [])], env }), (report) => this.#hear(worker, report), this.#log);
    this.#worker = worker;
    this.#startedAt = clock.now().getTime();
    worker.send({ type: 'configure', http: listener('http'), https: listener('https'), defaultCertificate });
    if (this.#logs) this.#sendLog();
    this.#push(true);
    void worker.exited.then((why) => this.#ended(worker, why));
  }

  #sendLog(): void {
    const { accessLog } = this.#options;
    this.#worker?.send({ type: 'log', ...(this.#logs && accessLog !== undefined && { file: accessLog }) });
  }

  #push(whole: boolean): void {
    if (!this.#worker) return;
    const sent = this.#sent;
    const next = new Map([...this.#table].map(([key, route]) => {
      const before = sent.get(key);
      return [key, before?.route === route ? before : { route, text: JSON.stringify(route) }];
    }));
    const set = [...this.#table.values()].filter(({ key }) => whole || sent.get(key)?.text !== next.get(key)?.text);
    const remove = [...sent.keys()].filter((key) => !next.has(key));
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
        this.#questions.get(report.id)?.(report.metrics);
        break;
      case 'counted':
        this.#questions.get(report.id)?.(report.routes);
        break;
      case 'applied':
        this.#inForce(report.version);
        break;
    }
  }

  #inForce(version: number): void {
    this.#applied = version;
    const done = this.#waiting.filter((one) => one.version <= version);
    this.#waiting = this.#waiting.filter((one) => one.version > version);
    for (const { resolve } of done) resolve();
  }

  /** Somebody else took the port between our look and the worker's listening. */
  async #elsewhere(worker: RouterWorker, { listener, code, message }: Extract<RouterReport, { type: 'failed' }>): Promise<void> {
    this.#worker = undefined;
    worker.kill();
    try {
      if (code !== 'EADDRINUSE' || !this.#started || ++this.#failedStarts >= mostFailedStarts) throw new Error(`the router cannot listen on port ${this.#sockets.ports[listener]}: ${message}`);
      await this.#sockets.chooseAnew(listener);
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
