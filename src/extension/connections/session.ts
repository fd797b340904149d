/** The window's one line to a cluster: which one, which project, and the watches that views share. */
import * as vscode from 'vscode';
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import type { RouterPorts } from '../../client/apps/route-url.ts';
import type { Client } from '../../client/client.ts';
import type { Connection } from '../../client/connection.ts';
import type { Platform } from '../daemon/platform.ts';
import { clusterKey, type ClusterChoice } from './cluster.ts';
import { openConnection, type Opened } from './open-connection.ts';
import { SharedWatches, type SharedInformer } from './shared-watches.ts';

const choiceKey = 'slipway.cluster';
const projectKey = (cluster: string) => `slipway.project:${cluster}`;

export type SessionState = 'idle' | 'connecting' | 'connected' | 'failed';

/** What a connection brought; all of it goes with it. */
interface Line extends Opened {
  watches: SharedWatches;
  /** Which run of the embedded platform it leads to. */
  run: string | undefined;
}

export class Session implements vscode.Disposable {
  readonly #platform: Platform;
  readonly #memento: vscode.Memento;
  readonly #changed = new vscode.EventEmitter<void>();
  /** Cluster, project or state changed. */
  readonly onDidChange = this.#changed.event;
  #choice: ClusterChoice;
  #state: SessionState = 'idle';
  #line: Line | undefined;
  #connecting: Promise<Connection | undefined> | undefined;
  #failure: Error | undefined;
  #project = 'default';
  #disposed = false;

  constructor(platform: Platform, memento: vscode.Memento) {
    this.#platform = platform;
    this.#memento = memento;
    this.#choice = memento.get<ClusterChoice>(choiceKey) ?? { type: 'embedded' };
    platform.onDidChange(() => this.#followPlatform());
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
    return this.#line?.connection;
  }
  get project(): string {
    return this.#project;
  }
  get routerPorts(): RouterPorts {
    return this.#line?.routerPorts ?? { http: 80, https: 443 };
  }
  /** Name of the cluster in URIs and texts. */
  get cluster(): string {
    return clusterKey(this.#choice);
  }

  /** The client, for commands that can only run while connected. */
  get client(): Client {
    return this.#connected().connection.client;
  }

  /** False only if the cluster surely lacks the resource's group: plain Kubernetes knows no builds. */
  serves(of: Pick<Resource, 'group'>): boolean {
    return of.group === '' || (this.#line?.groups?.has(of.group) ?? true);
  }

  /** Connects to the chosen cluster if it can be reached without starting anything. */
  connect(): Promise<Connection | undefined> {
    if (this.#line) return Promise.resolve(this.#line.connection);
    if (!this.#connecting) {
      const opening = this.#open().finally(() => {
        if (this.#connecting === opening) this.#connecting = undefined;
      });
      this.#connecting = opening;
    }
    return this.#connecting;
  }

  async switchCluster(choice: ClusterChoice): Promise<void> {
    this.#choice = choice;
    // An opening under way is for another cluster: it drops what it gets.
    this.#connecting = undefined;
    this.#disconnect();
    await this.#memento.update(choiceKey, choice);
  }

  /** Opens the connection anew: credentials and addresses are read again. */
  async reconnect(): Promise<Connection | undefined> {
    this.#connecting = undefined;
    this.#disconnect();
    return this.connect();
  }

  async switchProject(project: string): Promise<void> {
    this.#project = project;
    await this.#memento.update(projectKey(this.cluster), project);
    this.#changed.fire();
  }

  /** A watch that everybody shows from. `namespace` undefined: the whole cluster. */
  watch<T extends KubeObject>(of: Resource<T>, namespace: string | undefined): SharedInformer<T> {
    return this.#connected().watches.lease(of, namespace);
  }

  dispose(): void {
    this.#disposed = true;
    this.#disconnect();
    this.#changed.dispose();
  }

  #connected(): Line {
    if (!this.#line) throw new Error(vscode.l10n.t('Slipway is not connected. Start it, or choose a cluster.'));
    return this.#line;
  }

  async #open(): Promise<Connection | undefined> {
    const choice = this.#choice;
    const current = () => this.#choice === choice && !this.#disposed && !this.#line;
    this.#tell('connecting');
    try {
      const opened = await openConnection(choice, this.#platform, this.#memento.get<string>(projectKey(clusterKey(choice))));
      const line = opened && (await this.#lineOver(opened));
      if (!current()) {
        await line?.connection.dispose();
        return this.#line?.connection;
      }
      this.#line = line;
      if (line) this.#project = line.project;
      this.#tell(line ? 'connected' : 'idle');
      return line?.connection;
    } catch (error) {
      if (current()) this.#tell('failed', error as Error);
      return undefined;
    }
  }

  async #lineOver(opened: Opened): Promise<Line> {
    const [{ informer }, { clock, log }] = await Promise.all([import('../../client/informers.ts'), import('./surroundings.ts')]);
    const watches = new SharedWatches(informer, opened.connection.client, { clock, log }, () => this.#doubt());
    return { ...opened, watches, run: this.#choice.type === 'embedded' ? this.#platform.info?.startedAt : undefined };
  }

  /** A watch broke: perhaps the platform was stopped, or has started anew somewhere else. Asking it costs no request to the API. */
  #doubt(): void {
    if (this.#choice.type === 'embedded' && this.#platform.state === 'running') void this.#platform.find();
  }

  #followPlatform(): void {
    if (this.#choice.type !== 'embedded') return;
    const { state, info } = this.#platform;
    if (state === 'stopped' || state === 'failed') this.#disconnect();
    if (state !== 'running' || this.#state === 'connecting') return;
    if (this.#line && this.#line.run !== info?.startedAt) void this.reconnect();
    else void this.connect();
  }

  #disconnect(): void {
    const line = this.#line;
    this.#line = undefined;
    line?.watches.dispose();
    if (line) void line.connection.dispose();
    if (this.#state === 'connected' || this.#state === 'failed' || !this.#connecting) this.#tell('idle');
  }

  #tell(state: SessionState, failure?: Error): void {
    const same = this.#state === state && this.#failure === failure;
    this.#state = state;
    this.#failure = failure;
    void vscode.commands.executeCommand('setContext', 'slipway.connected', state === 'connected');
    void vscode.commands.executeCommand('setContext', 'slipway.session', state);
    if (!same && !this.#disposed) this.#changed.fire();
  }
}
