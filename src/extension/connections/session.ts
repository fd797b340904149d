/** The window's one line to a cluster: which one, which project, and the watches that views share. */
import * as vscode from 'vscode';
import { resourcePath, type Resource } from '../../api/resource.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { RouterPorts } from '../../client/apps/route-url.ts';
import type { Client } from '../../client/client.ts';
import type { Connection } from '../../client/connection.ts';
import type { Informer } from '../../client/informer.ts';
import type { Platform } from '../daemon/platform.ts';
import { clusterKey, type ClusterChoice } from './cluster.ts';
import { openConnection } from './open-connection.ts';

const choiceKey = 'slipway.cluster';
const projectKey = (cluster: string) => `slipway.project:${cluster}`;
/** Watches outlive the last view that used them by this long, so that a click to and fro costs nothing. */
const lingerMs = 20_000;

export type SessionState = 'idle' | 'connecting' | 'connected' | 'failed';

/** A lease on a shared watch; dispose it when the view is hidden. */
export interface SharedInformer<T extends KubeObject> extends vscode.Disposable {
  readonly informer: Informer<T>;
}

interface Shared {
  informer: Informer<KubeObject>;
  users: number;
  linger: NodeJS.Timeout | undefined;
}

export class Session implements vscode.Disposable {
  readonly #platform: Platform;
  readonly #memento: vscode.Memento;
  readonly #changed = new vscode.EventEmitter<void>();
  /** Cluster, project or state changed. */
  readonly onDidChange = this.#changed.event;
  readonly #shared = new Map<string, Shared>();
  #choice: ClusterChoice;
  #state: SessionState = 'idle';
  #connection: Connection | undefined;
  #connecting: Promise<Connection | undefined> | undefined;
  #failure: Error | undefined;
  #project = 'default';
  #ports: RouterPorts = { http: 80, https: 443 };

  constructor(platform: Platform, memento: vscode.Memento) {
    this.#platform = platform;
    this.#memento = memento;
    this.#choice = memento.get<ClusterChoice>(choiceKey) ?? { type: 'embedded' };
    platform.onDidChange((state) => {
      if (this.#choice.type !== 'embedded') return;
      if (state === 'stopped' || state === 'failed') this.#disconnect();
      if (state === 'running' && this.#state !== 'connected') void this.connect();
    });
  }

  get choice(): ClusterChoice {
    return this.#choice;
  }
  get state(): SessionState {
    return this.#state;
  }
  get failure(): Error | undefined {
    return this.#failure;
  }
  get connection(): Connection | undefined {
    return this.#connection;
  }
  get project(): string {
    return this.#project;
  }
  get routerPorts(): RouterPorts {
    return this.#ports;
  }
  /** Name of the cluster in URIs and texts. */
  get cluster(): string {
    return clusterKey(this.#choice);
  }

  /** The client, for commands that can only run while connected. */
  get client(): Client {
    if (!this.#connection) throw new Error(vscode.l10n.t('Slipway is not connected. Start it, or choose a cluster.'));
    return this.#connection.client;
  }

  /** Connects to the chosen cluster if it can be reached without starting anything. */
  connect(): Promise<Connection | undefined> {
    if (this.#connection) return Promise.resolve(this.#connection);
    this.#connecting ??= this.#open().finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  async switchCluster(choice: ClusterChoice): Promise<void> {
    this.#disconnect();
    this.#choice = choice;
    await this.#memento.update(choiceKey, choice);
    this.#tell('idle');
  }

  async switchProject(project: string): Promise<void> {
    this.#project = project;
    await this.#memento.update(projectKey(this.cluster), project);
    this.#changed.fire();
  }

  /** A watch that everybody shows from. `namespace` undefined: the whole cluster. */
  async watch<T extends KubeObject>(of: Resource<T>, namespace: string | undefined): Promise<SharedInformer<T>> {
    const { informer } = await import('../../client/informers.ts');
    const { clock, log } = await import('./surroundings.ts');
    const key = resourcePath(of, { namespace });
    let shared = this.#shared.get(key);
    if (!shared) {
      shared = { informer: informer(this.client, of, { namespace }, { clock, log }) as unknown as Informer<KubeObject>, users: 0, linger: undefined };
      this.#shared.set(key, shared);
    }
    const own = shared;
    clearTimeout(own.linger);
    own.users += 1;
    let done = false;
    return {
      informer: own.informer as unknown as Informer<T>,
      dispose: () => {
        if (done) return;
        done = true;
        own.users -= 1;
        if (own.users === 0) own.linger = setTimeout(() => this.#end(key, own), lingerMs);
      },
    };
  }

  dispose(): void {
    this.#disconnect();
    this.#changed.dispose();
  }

  async #open(): Promise<Connection | undefined> {
    this.#tell('connecting');
    const choice = this.#choice;
    try {
      const opened = await openConnection(choice, this.#platform);
      // The choice may have changed while this one was being opened.
      if (this.#choice !== choice) {
        await opened?.connection.dispose();
        return undefined;
      }
      if (!opened) {
        this.#tell('idle');
        return undefined;
      }
      this.#connection = opened.connection;
      this.#ports = opened.routerPorts;
      this.#project = this.#memento.get<string>(projectKey(this.cluster)) ?? opened.project;
      this.#failure = undefined;
      this.#tell('connected');
      return this.#connection;
    } catch (error) {
      this.#failure = error as Error;
      this.#tell('failed');
      return undefined;
    }
  }

  #disconnect(): void {
    for (const [key, shared] of this.#shared) this.#end(key, shared);
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection) void connection.dispose();
    if (this.#state !== 'idle') this.#tell('idle');
  }

  #end(key: string, shared: Shared): void {
    clearTimeout(shared.linger);
    if (this.#shared.get(key) === shared) this.#shared.delete(key);
    void shared.informer.dispose();
  }

  #tell(state: SessionState): void {
    this.#state = state;
    void vscode.commands.executeCommand('setContext', 'slipway.connected', state === 'connected');
    this.#changed.fire();
  }
}
