/** Containers as files and shims, the part that all shim-based drivers share. What is on disk is the truth; a new agent reads it and goes on. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Disposable } from '../../base/disposable.ts';
import { Emitter } from '../../base/emitter.ts';
import type { Log } from '../../base/log.ts';
import { shimFiles, type ShimSpec, type ShimStatus } from '../../protocol/shim.ts';
import { continueFamily, signal } from './family.ts';
import { isAlive } from './procfs.ts';
import { run } from './run.ts';
import { RuntimeFailure, type ContainerStatus } from './runtime.ts';
import { watchShim, type ShimConnection } from './shim-connection.ts';
import type { ShimLauncher } from './shim-launcher.ts';
import { readState, writeRunState, writeState } from './state-file.ts';
import { findProgram, systemEnvironment } from './system-path.ts';

/** What a driver keeps of a container, in `container.json`. */
export interface ContainerRecord<Extra = unknown> {
  id: string;
  sandboxId: string;
  name: string;
  attempt: number;
  imageId: string;
  createdAt: string;
  logPath: string;
  stopSignal: string;
  extra: Extra;
}

interface Entry<Extra> {
  record: ContainerRecord<Extra>;
  directory: string;
  status: ShimStatus;
  /** Resolves when the shim is connected; gone after the end. */
  shim?: Promise<ShimConnection>;
  waiting: Set<() => void>;
}

/** A folder with pipes and a shim that listens, or soon will. */
interface Opened {
  id: string;
  pipes: Promise<string>;
  shim: Promise<void>;
}

const recordFile = 'container.json';
/** How soon after a container the next one's folder is made, and how long one waits to be used. */
const spareAfterMs = 500;
const spareLifeMs = 60_000;
/** A shim that was told to kill and does not say so within this time is taken for dead. */
const killLimit = 10_000;

export class Containers<Extra> implements Disposable {
  readonly #root: string;
  readonly #launcher: ShimLauncher;
  readonly #log: Log;
  readonly #entries = new Map<string, Entry<Extra>>();
  readonly #opened = new Map<string, Opened>();
  /** The next container's, made while nobody waits for it. */
  #spare: Opened | undefined;
  #spareTimer: NodeJS.Timeout | undefined;
  #disposed = false;
  readonly #changes = new Emitter<string>();

  constructor(root: string, launcher: ShimLauncher, log: Log) {
    this.#root = root;
    this.#launcher = launcher;
    this.#log = log;
    mkdirSync(root, { recursive: true, mode: 0o700 });
  }

  /** Takes over what an earlier agent left. */
  async load(): Promise<void> {
    await Promise.all(readdirSync(this.#root).map(async (id) => {
      const directory = join(this.#root, id);
      const record = readState<ContainerRecord<Extra>>(join(directory, recordFile));
      if (!record) return this.#forsake(directory);
      const status = readState<ShimStatus>(join(directory, shimFiles.status)) ?? { state: 'created', shimPid: 0 };
      const entry: Entry<Extra> = { record, directory, status, waiting: new Set() };
      this.#entries.set(id, entry);
      if (status.state === 'exited') return;
      entry.shim = this.#connect(entry);
      await entry.shim.catch(() => this.#lost(entry));
    }));
  }

  folder(id: string): string {
    return join(this.#root, id);
  }

  onChange(listener: (id: string) => void): Disposable {
    return this.#changes.on(listener);
  }

  /** Makes a container's id and its `folder(id)`. The shim and its pipes are there already, or made while the driver plans the container; `create` or `discard` follows. */
  open(): string {
    // Whoever killed its shim took it out of service.
    if (this.#spare && !this.#launcher.serves(this.folder(this.#spare.id))) this.#dropSpare();
    const opened = this.#spare ?? this.#make();
    this.#spare = undefined;
    clearTimeout(this.#spareTimer);
    this.#spareTimer = setTimeout(() => this.#keepSpare(), spareAfterMs);
    this.#spareTimer.unref();
    this.#opened.set(opened.id, opened);
    return opened.id;
  }

  #make(): Opened {
    const id = randomBytes(16).toString('hex');
    const directory = this.folder(id);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const pipes = findProgram('mkfifo') ? run(['mkfifo', '-m', '600', shimFiles.stdin, shimFiles.stdout, shimFiles.stderr], { cwd: directory, env: systemEnvironment }) : Promise.resolve('');
    const shim = this.#launcher.launch(directory);
    // Whoever needs them learns of a failure.
    pipes.catch(() => undefined);
    shim.catch(() => undefined);
    return { id, pipes, shim };
  }

  /** One that was not used goes, and its shim's process may with it. An agent that was killed leaves it to the next one, as a container that never was. */
  #keepSpare(): void {
    if (this.#disposed) return;
    const spare = (this.#spare ??= this.#make());
    const drop = () => this.#spare === spare && this.#dropSpare();
    spare.shim.catch(drop);
    this.#spareTimer = setTimeout(drop, spareLifeMs);
    this.#spareTimer.unref();
  }

  #dropSpare(): void {
    const spare = this.#spare;
    this.#spare = undefined;
    if (!spare) return;
    void Promise.allSettled([spare.pipes, spare.shim]).then(() => this.#forsake(this.folder(spare.id))).catch((error: unknown) => this.#log.warn('a folder kept in reserve cannot be removed', { id: spare.id, error }));
  }

  /** `open` was called, and the folder holds what the driver needs. */
  async create(record: ContainerRecord<Extra>, spec: ShimSpec): Promise<void> {
    const directory = this.folder(record.id);
    const opened = this.#opened.get(record.id);
    if (!opened) throw new Error(`the container ${record.id} was not opened`);
    writeRunState(join(directory, shimFiles.spec), spec);
    await opened.pipes;
    writeRunState(join(directory, recordFile), record);
    this.#opened.delete(record.id);
    const entry: Entry<Extra> = { record, directory, status: { state: 'created', shimPid: 0 }, waiting: new Set() };
    this.#entries.set(record.id, entry);
    entry.shim = opened.shim.then(() => this.#connect(entry));
    entry.shim.catch(() => undefined);
  }

  /** Gives up a container that was opened and not created. */
  async discard(id: string): Promise<void> {
    const opened = this.#opened.get(id);
    if (!opened) return;
    await Promise.allSettled([opened.pipes, opened.shim]);
    this.#opened.delete(id);
    await this.#forsake(this.folder(id));
  }

  async start(id: string): Promise<void> {
    const entry = this.#need(id);
    if (entry.status.state !== 'created') throw new RuntimeFailure('RunContainerError', `container ${id} was started already`);
    let shim: ShimConnection;
    try {
      shim = await entry.shim!;
    } catch (cause) {
      this.#lost(entry);
      throw new RuntimeFailure('RunContainerError', (cause as Error).message, { cause });
    }
    const left = this.#until(entry, () => entry.status.state !== 'created');
    shim.send({ op: 'start' });
    await left;
    if (entry.status.reason === 'ContainerCannotRun') throw new RuntimeFailure('RunContainerError', entry.status.message ?? 'the container could not be started');
  }

  async stop(id: string, graceSeconds: number): Promise<void> {
    const entry = this.#entries.get(id);
    if (!entry || entry.status.state === 'exited') return;
    const shim = await entry.shim?.catch(() => undefined);
    if (!shim) return this.#lost(entry);
    shim.send({ op: 'stop', signal: entry.record.stopSignal, graceSeconds });
    const late = setTimeout(() => this.#lost(entry), graceSeconds * 1000 + killLimit);
    await this.#until(entry, () => entry.status.state === 'exited');
    clearTimeout(late);
  }

  /** Of what its shim watches; nothing for one that does not run. */
  async changeLimits(id: string, memoryLimit: number, cpuLimit: number): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry?.status.state !== 'running') return;
    const shim = await entry.shim;
    shim?.send({ op: 'limits', memoryLimit, cpuLimit });
  }

  /** The container has ended. */
  async remove(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (!entry) return;
    await this.stop(id, 0);
    this.#entries.delete(id);
    await rm(entry.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  get(id: string): ContainerRecord<Extra> | undefined {
    return this.#entries.get(id)?.record;
  }

  /** First process of a container that runs. */
  pid(id: string): number | undefined {
    const status = this.#entries.get(id)?.status;
    return status?.state === 'running' ? status.pid : undefined;
  }

  status(id: string): ContainerStatus | undefined {
    const entry = this.#entries.get(id);
    if (!entry) return undefined;
    const { record, status } = entry;
    const { state, startedAt, finishedAt, exitCode, signal, reason, message } = status;
    return {
      id: record.id, sandboxId: record.sandboxId, name: record.name, attempt: record.attempt, imageId: record.imageId, createdAt: record.createdAt, logPath: record.logPath, state,
      ...(startedAt !== undefined && { startedAt }), ...(finishedAt !== undefined && { finishedAt }), ...(exitCode !== undefined && { exitCode }),
      ...(signal !== undefined && { signal }), ...(reason !== undefined && { reason }), ...(message !== undefined && { message }),
    };
  }

  list(): ContainerStatus[] {
    return [...this.#entries.keys()].map((id) => this.status(id)!);
  }

  /** Of one sandbox. */
  records(sandboxId: string): ContainerRecord<Extra>[] {
    return [...this.#entries.values()].map(({ record }) => record).filter((record) => record.sandboxId === sandboxId);
  }

  /** Lets go of the shims; they keep running. */
  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#spareTimer);
    this.#dropSpare();
    for (const { shim } of this.#entries.values()) void shim?.then((connection) => connection.close(), () => undefined);
  }

  #need(id: string): Entry<Extra> {
    const entry = this.#entries.get(id);
    if (!entry) throw new RuntimeFailure('RunContainerError', `there is no container ${id}`);
    return entry;
  }

  #connect(entry: Entry<Extra>): Promise<ShimConnection> {
    return watchShim(entry.directory, (status) => this.#changed(entry, status), () => this.#lost(entry));
  }

  #changed(entry: Entry<Extra>, status: ShimStatus): void {
    const before = entry.status.state;
    entry.status = status;
    for (const check of entry.waiting) check();
    if (before !== status.state) this.#changes.fire(entry.record.id);
  }

  /** The shim is gone. Either it wrote its last status before, or it was killed: then nobody reads the container's output, and it must not go on unseen. */
  #lost(entry: Entry<Extra>): void {
    if (entry.status.state === 'exited') return;
    const written = readState<ShimStatus>(join(entry.directory, shimFiles.status));
    if (written?.state === 'exited') return this.#changed(entry, written);
    const known = written ?? entry.status;
    if (known.pid !== undefined && known.startTime !== undefined && isAlive({ pid: known.pid, startTime: known.startTime })) {
      // It may have been standing, held to its share of the processors.
      continueFamily(known.pid);
      signal(known.pid, 'SIGKILL');
    }
    const status: ShimStatus = { ...known, state: 'exited', exitCode: 137, signal: 9, reason: 'Error', message: 'the process that watched the container ended unexpectedly', finishedAt: new Date().toISOString() };
    this.#log.warn('shim lost', { container: entry.record.id });
    if (existsSync(entry.directory)) writeState(join(entry.directory, shimFiles.status), status);
    this.#changed(entry, status);
  }

  /** Removes the folder of a container that never was, and ends the shim that may wait there. */
  async #forsake(directory: string): Promise<void> {
    await new Promise<void>((resolve) => {
      setTimeout(resolve, killLimit).unref();
      watchShim(directory, () => undefined, resolve).then((shim) => shim.send({ op: 'stop', signal: 'SIGKILL', graceSeconds: 0 }), () => resolve());
    });
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }

  #until(entry: Entry<Extra>, condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => {
      const check = () => {
        if (!condition()) return;
        entry.waiting.delete(check);
        resolve();
      };
      entry.waiting.add(check);
    });
  }
}
