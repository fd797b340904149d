/** A router whose requests HAProxy serves: it is told of routes as ours is, and keeps HAProxy's configuration true to them. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { defaultRouterLimits, type RouterCommand, type RouterListener, type RouterMetrics, type RouterReport, type RouterRoute, type RouterRouteMetrics } from '../../../protocol/router.ts';
import { portOfDescriptor } from '../data-plane/listeners.ts';
import { AccessLog } from '../data-plane/access-log.ts';
import { identityOf } from '../data-plane/identity.ts';
import { errorPages } from './error-pages.ts';
import { changesBetween, type Command } from './changes.ts';
import { certificateFile, configOf, configText, fileNames, mapFile, mapText, type Config, type ConfigOptions } from './config.ts';
import { readLogLine } from './log-line.ts';
import { mapNames } from './maps.ts';
import { backendName } from './names.ts';
import { Program, ProgramFailed } from './program.ts';
import { ask, replaceMap } from './runtime-socket.ts';
import { addTotals, Counters, parseStat, type Totals } from './statistics.ts';

type Configuration = Extract<RouterCommand, { type: 'configure' }>;
type Table = Extract<RouterCommand, { type: 'table' }>;

export interface HaproxyOptions {
  binary: string;
  /** Folder of its files, made here, for this user alone. Without spaces. */
  folder: string;
  clock: Clock;
  say(text: string): void;
  /** HAProxy ended by itself. */
  onEnd(why: string): void;
}

/** Programs that still serve connections of their time; one more ends the oldest with what it has. */
const mostLeaving = 16;
/** For listeners, logs, the runtime socket and looks at endpoints. */
const spareDescriptors = 200;

export class HaproxyRouter {
  readonly #options: HaproxyOptions;
  readonly #config: Omit<ConfigOptions, 'logAll'>;
  readonly #descriptors: readonly number[];
  readonly #report: (report: RouterReport) => void;
  readonly #ports: { http: number; https: number };
  readonly #routes = new Map<string, RouterRoute>();
  /** Routes that HAProxy does not take, by the document it did not take. */
  readonly #refused = new Map<string, RouterRoute>();
  readonly #certificates = new Map<string, { pem: string; usable: boolean }>();
  readonly #answered = new Set<string>();
  #running: { config: Config; program: Program } | undefined;
  /** May end at any moment: its successor is about to serve. */
  #replaced: Program | undefined;
  #leaving: Program[] = [];
  #totals: Totals = new Map();
  #version = 0;
  #accessLog: AccessLog | undefined;
  #stopping = false;
  #work: Promise<void> = Promise.resolve();
  #waiting = false;

  constructor(configuration: Configuration, report: (report: RouterReport) => void, options: HaproxyOptions) {
    const { http, https, defaultCertificate } = configuration;
    const limits = { ...defaultRouterLimits, ...configuration.limits };
    this.#options = options;
    this.#report = report;
    this.#ports = { http: portOf(http), https: portOf(https) };
    this.#descriptors = [http, https].flatMap((listener) => ('fd' in listener ? [listener.fd] : []));
    this.#config = { folder: options.folder, http, https, httpsPort: this.#ports.https, defaultCertificate, limits: { ...limits, connections: Math.min(limits.connections, Math.floor((mostDescriptors() - spareDescriptors) / 2)) } };
  }

  async listen(): Promise<boolean> {
    rmSync(this.#options.folder, { recursive: true, force: true });
    mkdirSync(this.#options.folder, { recursive: true, mode: 0o700 });
    for (const [status, page] of errorPages()) await this.#write(`${status}.http`, page);
    try {
      await this.#start(this.#next());
    } catch (error) {
      const { frontend, message } = error as ProgramFailed;
      if (!(error instanceof ProgramFailed) || frontend === undefined) throw error;
      // A socket that is bound can be listened on unless somebody else does already.
      this.#report({ type: 'failed', listener: frontend === 'public' ? 'http' : 'https', code: 'EADDRINUSE', message });
      return false;
    }
    this.#report({ type: 'ready', ...this.#ports });
    return true;
  }

  /** Tables that come while one is being carried out are carried out together. */
  apply({ version, replace, set, remove }: Table): void {
    if (replace) this.#routes.clear();
    for (const key of remove) this.#routes.delete(key);
    for (const route of set) this.#routes.set(route.key, route);
    this.#version = version;
    this.#soon();
  }

  /** A log that cannot be opened is told and done without. */
  logTo(file: string | undefined): void {
    this.#accessLog?.close();
    this.#accessLog = undefined;
    try {
      if (file !== undefined) this.#accessLog = new AccessLog(file);
    } catch (error) {
      this.#options.say(`the access log cannot be written: ${(error as Error).message}`);
    }
    this.#soon();
  }

  #soon(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#work = this.#work.then(() => this.#carryOut()).catch((error: Error) => this.#options.onEnd(error.message));
  }

  async metrics(): Promise<RouterMetrics> {
    const endpoints = new Set([...this.#routes.values()].flatMap(({ backends }) => backends.flatMap(({ endpoints }) => endpoints.map(({ address }) => address))));
    return (await this.#counters()).metrics(this.#routes.size, endpoints.size);
  }

  async routeMetrics(): Promise<RouterRouteMetrics[]> {
    return (await this.#counters()).routes().filter(({ key }) => this.#routes.has(key));
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const programs = [...this.#leaving, ...(this.#running ? [this.#running.program] : [])];
    for (const program of programs) program.leave();
    const timer = this.#options.clock.after(graceMs, () => programs.forEach((program) => program.kill()));
    await Promise.all(programs.map(({ exited }) => exited));
    await timer.dispose();
    this.#accessLog?.close();
    rmSync(this.#options.folder, { recursive: true, force: true });
  }

  async #carryOut(): Promise<void> {
    this.#waiting = false;
    if (this.#stopping || !this.#running) return;
    const version = this.#version;
    await this.#forget();
    const next = this.#next();
    const { commands, reload } = changesBetween(this.#running.config, next, this.#options.folder);
    let applied: boolean;
    if (reload !== undefined) applied = await this.#start(next);
    else if (await this.#command(commands)) {
      this.#running.config = next;
      applied = true;
    } else {
      // Whatever state it is in now: a new one begins with the files.
      applied = await this.#start(next);
    }
    if (applied) this.#report({ type: 'applied', version });
  }

  #next(): Config {
    for (const [key, route] of this.#refused) if (this.#routes.get(key) !== route) this.#refused.delete(key);
    for (const key of this.#certificates.keys()) if (!this.#routes.has(key)) this.#certificates.delete(key);
    return configOf([...this.#routes.values()].filter(({ key }) => !this.#refused.has(key)), { ...this.#config, logAll: this.#accessLog !== undefined }, (route) => this.#usable(route));
  }

  /** A certificate that cannot be used would keep HAProxy from starting. */
  #usable({ key, tls }: RouterRoute): boolean {
    const pem = `${tls?.certificate}\n${tls?.key}`;
    const known = this.#certificates.get(key);
    if (known?.pem === pem) return known.usable;
    let usable = true;
    try {
      identityOf(tls?.certificate ?? '', tls?.key ?? '');
    } catch (error) {
      usable = false;
      this.#report({ type: 'rejected', key, message: `The certificate or key of the route cannot be used: ${(error as Error).message}` });
    }
    this.#certificates.set(key, { pem, usable });
    return usable;
  }

  /** Starts HAProxy with `config`; false if it cannot, and the one before serves on. A route it does not take is left out. */
  async #start(config: Config): Promise<boolean> {
    const { binary, folder, clock, say } = this.#options;
    const before = this.#running;
    if (before) this.#totals = addTotals(this.#totals, parseStat(await ask(this.#socket, 'show stat').catch(() => '')));
    this.#replaced = before?.program;
    for (let next = config; ; next = this.#next()) {
      const { text, owners } = configText(next);
      await this.#writeAll(next, text);
      try {
        const program = await Program.start({
          binary, configFile: path.join(folder, fileNames.config), socket: this.#socket, descriptors: this.#descriptors, clock, onLine: (line) => this.#hear(line), onNotice: say,
        }, before?.program);
        this.#running = { config: next, program };
        void program.exited.then((why) => this.#ended(program, why));
        if (before) this.#retire(before.program);
        return true;
      } catch (error) {
        const { lines, files } = error instanceof ProgramFailed ? error : { lines: [], files: [] };
        if (this.#setAside(files) > 0) continue;
        const culprits = [...new Set(lines.map((line) => owners.get(line)))].filter((key) => key !== undefined);
        if (culprits.length === 0) {
          if (!before || before.program.over) throw error;
          say((error as Error).message);
          this.#replaced = undefined;
          return false;
        }
        for (const key of culprits) {
          const route = this.#routes.get(key);
          if (route) this.#refused.set(key, route);
          this.#report({ type: 'rejected', key, message: `HAProxy does not take the route: ${(error as Error).message}` });
        }
      }
    }
  }

  /** Certificates that HAProxy does not take, though TLS of ours does: their routes are served with the default one. How many there are. */
  #setAside(files: readonly string[]): number {
    let found = 0;
    for (const route of this.#routes.values()) {
      const known = this.#certificates.get(route.key);
      if (!known?.usable || !files.includes(certificateFile(route))) continue;
      known.usable = false;
      found += 1;
      this.#report({ type: 'rejected', key: route.key, message: 'HAProxy does not take the certificate or key of the route' });
    }
    return found;
  }

  #retire(program: Program): void {
    this.#leaving.push(program);
    if (this.#leaving.length > mostLeaving) this.#leaving.shift()?.kill();
    void program.exited.then(() => (this.#leaving = this.#leaving.filter((one) => one !== program)));
  }

  #ended(program: Program, why: string): void {
    if (this.#stopping || this.#running?.program !== program || this.#replaced === program) return;
    this.#options.onEnd(`HAProxy ended with ${why}`);
  }

  /** False when one was not understood. */
  async #command(commands: readonly Command[]): Promise<boolean> {
    for (const { text, payload, answer = /^$/, mayFail } of commands) {
      try {
        if (text.startsWith('map ')) await replaceMap(this.#socket, text.slice(4), payload ?? []);
        else {
          const said = await ask(this.#socket, text, { payload });
          if (!mayFail && !answer.test(said)) throw new Error(`it answered: ${said}`);
        }
      } catch (error) {
        this.#options.say(`${text.split(' ', 2).join(' ')}: ${(error as Error).message}; HAProxy is started anew`);
        return false;
      }
    }
    return true;
  }

  #hear(line: string): void {
    const logged = readLogLine(line);
    if (!logged) return;
    const { key = '', answered, status, entry } = logged;
    this.#accessLog?.write(entry);
    const route = this.#routes.get(key);
    if (!route || !answered || status >= 500 || this.#answered.has(key)) return;
    this.#answered.add(key);
    this.#report({ type: 'answered', key, status });
    void ask(this.#socket, `add map ${this.#file(fileNames.answered)} ${backendName(route)} 1`).catch(() => undefined);
  }

  /** A route that comes again answers for the first time again. */
  async #forget(): Promise<void> {
    for (const key of this.#answered) {
      if (this.#routes.has(key)) continue;
      this.#answered.delete(key);
      for (const [name, { route }] of this.#running?.config.backends ?? []) if (route.key === key) await ask(this.#socket, `del map ${this.#file(fileNames.answered)} ${name}`).catch(() => undefined);
    }
  }

  async #counters(): Promise<Counters> {
    return new Counters(parseStat(await ask(this.#socket, 'show stat')), this.#totals);
  }

  async #writeAll(config: Config, text: string): Promise<void> {
    for (const [name, pem] of config.pems) await this.#write(name, pem);
    for (const name of mapNames) await this.#write(mapFile(name), mapText(config.maps[name]));
    const answered = [...this.#answered].flatMap((key) => this.#routes.get(key) ?? []);
    await this.#write(fileNames.answered, answered.map((route) => `${backendName(route)} 1\n`).join(''));
    await this.#write(fileNames.config, text);
  }

  #write(name: string, text: string | Buffer): Promise<void> {
    return writeFile(this.#file(name), text, { mode: 0o600 });
  }

  #file(name: string): string {
    return path.join(this.#options.folder, name);
  }

  get #socket(): string {
    return this.#file(fileNames.socket);
  }
}

/** HAProxy complains at each start of more connections than it may have descriptors for, two each. */
function mostDescriptors(): number {
  const [, most] = /^Max open files\s+\d+\s+(\d+)/m.exec(readIfThere('/proc/self/limits')) ?? [];
  return most === undefined ? Infinity : Number(most);
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function portOf(listener: RouterListener): number {
  return 'fd' in listener ? portOfDescriptor(listener.fd) : listener.port;
}
