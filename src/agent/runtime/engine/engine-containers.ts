/** This node's containers as the engine has them, followed by its events. An end is told once the log holds everything. */
import { Emitter } from '../../../base/emitter.ts';
import type { Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import { RuntimeFailure, type ContainerStatus } from '../runtime.ts';
import { readMark, statusOf, type KnownContainer } from './container-state.ts';
import { isEngineError, type EngineClient } from './engine-client.ts';
import type { EngineContainer, ListedContainer } from './engine-objects.ts';
import { ownFilter, type ContainerMark } from './labels.ts';
import { LogCopier } from './log-copier.ts';
import type { Owner } from './container-body.ts';

interface Entry extends KnownContainer {
  id: string;
  status: ContainerStatus;
  /** Why it never ran, as this agent was told. */
  refused?: string;
  /** Somebody asked the engine to end it. */
  killed?: boolean;
  copier?: LogCopier;
  /** One look at a time, in order. */
  work: Promise<void>;
}

/** Of an engine that was told to kill. */
const killLimitMs = 10_000;

export class EngineContainers implements Disposable {
  readonly #engine: EngineClient;
  readonly #owner: Owner;
  /** Who goes over its memory is ended. */
  readonly #limited: boolean;
  readonly #log: Log;
  readonly #entries = new Map<string, Entry>();
  readonly #changes = new Emitter<string>();
  /** Owners of pods' networks that ran when last seen. */
  readonly #others = new Emitter<string>();

  constructor(engine: EngineClient, owner: Owner, limited: boolean, log: Log) {
    this.#engine = engine;
    this.#owner = owner;
    this.#limited = limited;
    this.#log = log;
  }

  onChange(listener: (id: string) => void): Disposable {
    return this.#changes.on(listener);
  }

  /** An event of a container that is no container of a pod. */
  onOther(listener: (id: string) => void): Disposable {
    return this.#others.on(listener);
  }

  /** All that are there, of earlier agents too. */
  async load(): Promise<void> {
    const listed = await this.#engine.call<ListedContainer[]>('GET', '/containers/json', { query: { all: true, filters: ownFilter(this.#owner.home, this.#owner.node) } });
    const there = new Set(listed.map(({ Id }) => Id));
    for (const id of [...this.#entries.keys()]) if (!there.has(id)) this.#gone(id);
    await Promise.all(listed.filter(({ Labels }) => readMark(Labels)).map(({ Id }) => this.refresh(Id)));
  }

  /** Takes in what was just created, before anything happens to it. */
  async added(id: string): Promise<void> {
    await this.refresh(id);
  }

  noticed(id: string, action: string): void {
    const entry = this.#entries.get(id);
    if (entry && action === 'kill') entry.killed = true;
    if (!entry) this.#others.fire(id);
    else void this.refresh(id).catch((error: unknown) => this.#log.warn('cannot look at a container', { container: id, error }));
  }

  get(id: string): (KnownContainer & { status: ContainerStatus }) | undefined {
    return this.#entries.get(id);
  }

  list(): ContainerStatus[] {
    return [...this.#entries.values()].map(({ status }) => status);
  }

  marks(): ContainerMark[] {
    return [...this.#entries.values()].map(({ mark }) => mark);
  }

  of(sandboxId: string): string[] {
    return [...this.#entries.values()].filter((entry) => entry.sandboxId === sandboxId).map(({ id }) => id);
  }

  async start(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (!entry) throw new RuntimeFailure('RunContainerError', `there is no container ${id}`);
    if (entry.status.state !== 'created') throw new RuntimeFailure('RunContainerError', `container ${id} was started already`);
    try {
      await this.#engine.call('POST', `/containers/${id}/start`);
    } catch (cause) {
      const message = (cause as Error).message;
      // Unreachable is no refusal: it may have been started.
      if (isEngineError(cause) && cause.status >= 400) entry.refused = message;
      await this.refresh(id).catch(() => undefined);
      throw new RuntimeFailure('RunContainerError', message, { cause });
    }
    await this.refresh(id);
  }

  async stop(id: string, graceSeconds: number): Promise<void> {
    const entry = this.#entries.get(id);
    if (!entry || entry.status.state === 'exited') return;
    if (entry.status.state === 'created') {
      entry.refused = 'stopped before it was started';
      return this.refresh(id);
    }
    if (graceSeconds > 0) {
      await this.#signal(id, entry.mark.stopSignal);
      if (await this.#ended(id, graceSeconds * 1000)) return;
    }
    await this.#signal(id, 'SIGKILL');
    if (!(await this.#ended(id, killLimitMs))) await this.refresh(id);
  }

  async remove(id: string): Promise<void> {
    await this.#engine.call('DELETE', `/containers/${id}`, { query: { force: true, v: true } }).catch((error: unknown) => {
      if (!isEngineError(error, 404)) throw error;
    });
    this.#gone(id);
  }

  refresh(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (!entry) return this.#look(id);
    entry.work = entry.work.then(() => this.#look(id), () => this.#look(id));
    return entry.work;
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ copier }) => copier?.dispose()));
  }

  async #look(id: string): Promise<void> {
    const found = await this.#engine.call<EngineContainer>('GET', `/containers/${id}/json`).catch((error: unknown) => {
      if (isEngineError(error, 404)) return undefined;
      throw error;
    });
    const known = found && readMark(found.Config.Labels);
    if (!found || !known) return this.#gone(id);
    const before = this.#entries.get(id);
    const was = before?.status.state;
    const status = statusOf(found, known, { refused: before?.refused, explained: before?.killed === true || !this.#limited || this.#engine.name === 'docker' });
    const entry: Entry = before ?? { ...known, id, status: { ...status, state: 'created' }, work: Promise.resolve() };
    this.#entries.set(id, entry);
    if (was === 'exited') return;
    if (status.state === 'running') await this.#follow(entry);
    // One that was refused has written nothing, and Docker may not answer for its log.
    else if (status.state === 'exited' && (entry.copier || before?.refused === undefined)) await this.#finish(entry);
    entry.status = status;
    if (was !== status.state) this.#changes.fire(id);
  }

  async #follow(entry: Entry): Promise<void> {
    entry.copier ??= await this.#copier(entry);
    entry.copier.follow();
  }

  async #finish(entry: Entry): Promise<void> {
    try {
      entry.copier ??= await this.#copier(entry);
      await entry.copier.finish();
    } catch (error) {
      this.#log.warn('the end of a log could not be read', { container: entry.id, error });
    }
  }

  #copier({ id, mark }: Entry): Promise<LogCopier> {
    return LogCopier.open({ engine: this.#engine, log: this.#log, containerId: id, logPath: mark.logPath, tty: mark.tty });
  }

  #gone(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    void entry.copier?.dispose();
    this.#changes.fire(id);
  }

  async #signal(id: string, signal: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry) entry.killed = true;
    await this.#engine.call('POST', `/containers/${id}/kill`, { query: { signal } }).catch((error: unknown) => {
      // It has ended.
      if (!isEngineError(error, 404, 409)) throw error;
    });
  }

  #ended(id: string, milliseconds: number): Promise<boolean> {
    const over = () => (this.#entries.get(id)?.status.state ?? 'exited') === 'exited';
    return new Promise((resolve) => {
      const settle = (answer: boolean) => {
        clearTimeout(late);
        void listening.dispose();
        resolve(answer);
      };
      const listening = this.#changes.on((changed) => changed === id && over() && settle(true));
      const late = setTimeout(() => settle(over()), milliseconds);
      if (over()) settle(true);
    });
  }
}

export const signalName = (text: string | undefined): string => (text ? (/^\d+$/.test(text) || text.startsWith('SIG') ? text : `SIG${text}`) : 'SIGTERM');

