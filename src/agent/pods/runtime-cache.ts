/** What the runtime holds, by pod: filled once, then kept true by the runtime's own notices. Containers of an earlier agent are found here again. */
import { open, readFile, stat } from 'node:fs/promises';
import type { Disposable } from '../../base/disposable.ts';
import { Emitter } from '../../base/emitter.ts';
import type { Log } from '../../base/log.ts';
import type { ContainerStatus, PodSandbox, Runtime } from '../runtime/runtime.ts';
import { podFolders } from './pod-folders.ts';
import type { AppliedResources, ObservedContainer, ObservedPod } from './pod-view.ts';
import { tailOfLog } from '../server/log-tail.ts';

/** Written beside a container when it is made: what the runtime's own status does not tell. */
export interface ContainerRecord {
  image: string;
  /** Use the end of its log if it fails without a message. */
  fallbackToLogs: boolean;
  resources?: AppliedResources;
}

/** Most of a termination message that counts (Kubernetes' own bounds). */
const longestMessage = 4096;
const fallback = { lines: 80, bytes: 2048 };
const stage = { created: 0, running: 1, exited: 2, unknown: 2 } as const;

export class RuntimeCache implements Disposable {
  readonly #runtime: Runtime;
  readonly #folder: string;
  readonly #log: Log;
  readonly #sandboxes = new Map<string, PodSandbox>();
  readonly #containers = new Map<string, ObservedContainer>();
  readonly #records = new Map<string, ContainerRecord>();
  readonly #changes = new Emitter<string>();
  readonly #subscription: Disposable;
  #referenceOf: (imageId: string) => string | undefined = () => undefined;

  constructor(runtime: Runtime, folder: string, log: Log) {
    this.#runtime = runtime;
    this.#folder = folder;
    this.#log = log.child('runtime-cache');
    this.#subscription = runtime.onChange((id) => void this.#noticed(id));
  }

  /** `referenceOf` gives the canonical reference of an image id. */
  async load(referenceOf: (imageId: string) => string | undefined): Promise<void> {
    this.#referenceOf = referenceOf;
    const [sandboxes, containers] = [await this.#runtime.listPodSandboxes(), await this.#runtime.listContainers()];
    this.#sandboxes.clear();
    for (const sandbox of sandboxes) this.#sandboxes.set(sandbox.id, sandbox);
    const known = new Set(containers.map(({ id }) => id));
    for (const id of this.#containers.keys()) if (!known.has(id)) this.#containers.delete(id);
    await Promise.all(containers.map((container) => this.#put(container)));
  }

  /** Uids of all pods that have left something here. */
  uids(): Set<string> {
    return new Set([...this.#sandboxes.values()].map(({ config }) => config.uid));
  }

  observe(uid: string): ObservedPod {
    const sandboxes = [...this.#sandboxes.values()].filter(({ config }) => config.uid === uid).sort((a, b) => b.config.attempt - a.config.attempt);
    const ids = new Set(sandboxes.map(({ id }) => id));
    return { sandboxes, containers: [...this.#containers.values()].filter(({ sandboxId }) => ids.has(sandboxId)) };
  }

  sandboxOf(uid: string): PodSandbox | undefined {
    return this.observe(uid).sandboxes[0];
  }

  namespaceOf(ip: string): string | undefined {
    for (const { ip: own, ready, config } of this.#sandboxes.values()) if (ready && own === ip && !config.hostNetwork) return config.namespace;
    return undefined;
  }

  all(): ObservedContainer[] {
    return [...this.#containers.values()];
  }

  /** Reports the uid of a pod of which something changed. */
  onChange(listener: (uid: string) => void): Disposable {
    return this.#changes.on(listener);
  }

  putSandbox(sandbox: PodSandbox): void {
    this.#sandboxes.set(sandbox.id, sandbox);
  }

  /** Asks the runtime which sandboxes are still alive. */
  async refreshSandboxes(): Promise<void> {
    const alive = await this.#runtime.listPodSandboxes();
    const ids = new Set(alive.map(({ id }) => id));
    for (const [id, sandbox] of this.#sandboxes) {
      if (ids.has(id)) continue;
      this.#sandboxes.set(id, { ...sandbox, ready: false });
    }
    for (const sandbox of alive) {
      const before = this.#sandboxes.get(sandbox.id);
      this.#sandboxes.set(sandbox.id, sandbox);
      if (before && before.ready !== sandbox.ready) this.#changes.fire(sandbox.config.uid);
    }
  }

  forgetSandbox(id: string): void {
    this.#sandboxes.delete(id);
    for (const container of [...this.#containers.values()]) if (container.sandboxId === id) this.#forget(container.id);
  }

  record(id: string, record: ContainerRecord): void {
    this.#records.set(id, record);
  }

  async refresh(id: string): Promise<void> {
    const status = await this.#runtime.containerStatus(id);
    if (status) await this.#put(status);
    else this.#forget(id);
  }

  dispose(): void {
    void this.#subscription.dispose();
  }

  #forget(id: string): void {
    this.#containers.delete(id);
    this.#records.delete(id);
  }

  async #noticed(id: string): Promise<void> {
    try {
      await this.refresh(id);
      const container = this.#containers.get(id);
      // A sandbox that died takes its containers with it: then a new one is needed, not a restart.
      if (container && container.state !== 'running') await this.refreshSandboxes();
      const uid = container && this.#sandboxes.get(container.sandboxId)?.config.uid;
      if (uid) this.#changes.fire(uid);
    } catch (error) {
      this.#log.warn('cannot read the state of a container', { container: id, error });
    }
  }

  async #put(status: ContainerStatus): Promise<void> {
    const before = this.#containers.get(status.id);
    const record = this.#records.get(status.id) ?? (await this.#readRecord(status));
    const reference = this.#referenceOf(status.imageId);
    const ended = status.state === 'exited' || status.state === 'unknown';
    const message = ended ? (before?.terminationMessage ?? (await this.#message(status, record))) : undefined;
    // Looks overlap, and a container never goes back.
    const newer = this.#containers.get(status.id);
    if (newer && stage[newer.state] > stage[status.state]) return;
    this.#containers.set(status.id, {
      ...status,
      ...(record && { image: record.image, ...(record.resources && { resources: record.resources }) }),
      ...(reference && { imageReference: reference }),
      ...(message !== undefined && { terminationMessage: message }),
    });
  }

  async #readRecord(status: ContainerStatus): Promise<ContainerRecord | undefined> {
    const uid = this.#sandboxes.get(status.sandboxId)?.config.uid;
    if (!uid) return undefined;
    try {
      const record = JSON.parse(await readFile(podFolders(this.#folder, uid).record(status.name, status.attempt), 'utf8')) as ContainerRecord;
      this.#records.set(status.id, record);
      return record;
    } catch {
      return undefined;
    }
  }

  async #message(status: ContainerStatus, record: ContainerRecord | undefined): Promise<string> {
    const uid = this.#sandboxes.get(status.sandboxId)?.config.uid;
    if (!uid) return '';
    const written = await head(podFolders(this.#folder, uid).terminationMessage(status.name, status.attempt));
    if (written || !record?.fallbackToLogs || status.exitCode === 0) return written;
    return tailOfLog(status.logPath, fallback.lines, fallback.bytes).catch(() => '');
  }
}

async function head(file: string): Promise<string> {
  const info = await stat(file).catch(() => undefined);
  if (!info || info.size === 0) return '';
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(longestMessage), position: 0 });
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await handle.close();
  }
}
