/** The Logs panel: streams of any number of containers in one bounded buffer, shown by a page that may come and go. */
import * as vscode from 'vscode';
import type { Pod } from '../../api/kinds/core.ts';
import type { Connection } from '../../client/connection.ts';
import type { LogOptions, LogsFromPage, LogSource, LogsToPage } from '../../protocol/logs-panel.ts';
import type { Session } from '../connections/session.ts';
import { LogFeed } from './log-feed.ts';
import { followLog } from './log-stream.ts';
import { logTexts } from './log-texts.ts';
import { openPage, type Page } from './page.ts';
import { saveLog } from './save-log.ts';

interface Stream {
  source: LogSource;
  namespace: string;
  stop: AbortController | undefined;
}

const palette = 8;
const memory = 'slipway.logs.options';

export class LogsPanel implements vscode.WebviewViewProvider, vscode.Disposable {
  readonly #session: Session;
  readonly #extension: vscode.Uri;
  readonly #memento: vscode.Memento;
  readonly #feed: LogFeed;
  readonly #listening: vscode.Disposable;
  #options: LogOptions;
  #streams: Stream[] = [];
  #title = '';
  /** What the streams go over, and of which cluster. */
  #over: { connection: Connection | undefined; cluster: string } | undefined;
  #page: Page<LogsToPage> | undefined;

  constructor(session: Session, extension: vscode.Uri, memento: vscode.Memento) {
    this.#session = session;
    this.#extension = extension;
    this.#memento = memento;
    this.#feed = new LogFeed(vscode.workspace.getConfiguration('slipway').get<number>('logs.lines', 20_000), (message) => this.#page?.send(message));
    this.#options = { wrap: false, timestamps: false, since: 0, ...memento.get<Partial<LogOptions>>(memory), previous: false };
    this.#listening = session.onDidChange(() => this.#followSession());
  }

  /** Shows the logs of these pods instead of what was shown; `container`: only that one. */
  async show(pods: readonly Pod[], container?: string): Promise<void> {
    this.#stopAll();
    this.#options = { ...this.#options, previous: false };
    this.#over = { connection: this.#session.connection, cluster: this.#session.cluster };
    this.#title = pods.map((pod) => pod.metadata.name).join(', ');
    this.#streams = pods.flatMap((pod) => streamsOf(pod, this.#session.project, container)).map((stream, index) => ({ ...stream, source: { ...stream.source, colour: index % palette } }));
    await vscode.commands.executeCommand('slipway.logs.focus');
    this.#restart();
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    const page = openPage<LogsToPage, LogsFromPage>(view, this.#extension, 'logs', vscode.l10n.t('Logs'), (message) => void this.#receive(message));
    this.#page = page;
    view.onDidDispose(() => {
      page.dispose();
      if (this.#page === page) this.#page = undefined;
    });
  }

  dispose(): void {
    this.#listening.dispose();
    this.#stopAll();
    this.#feed.dispose();
  }

  async #receive(message: LogsFromPage): Promise<void> {
    if (this.#feed.receive(message)) return this.#state();
    if (message.type === 'ready') {
      this.#state();
      this.#feed.resume();
    } else if (message.type === 'clear') this.#feed.clear();
    else if (message.type === 'source') this.#toggle(message.id, message.shown);
    else if (message.type === 'options') await this.#change(message.options);
    else if (message.type === 'save') {
      const shown = this.#streams.filter(({ source }) => source.shown);
      await saveLog(this.#title, this.#session, shown.map(({ source: { pod, container }, namespace }) => ({ namespace, pod, container, previous: this.#options.previous })));
    }
  }

  #toggle(id: string, shown: boolean): void {
    const stream = this.#streams.find(({ source }) => source.id === id);
    if (!stream || stream.source.shown === shown) return;
    stream.source.shown = shown;
    stream.stop?.abort();
    if (shown) this.#start(stream);
    else this.#feed.clear(id);
    this.#state();
  }

  async #change(options: LogOptions): Promise<void> {
    const before = this.#options;
    this.#options = options;
    if (before.previous !== options.previous || before.since !== options.since) this.#restart();
    this.#state();
    const { wrap, timestamps, since } = options;
    await this.#memento.update(memory, { wrap, timestamps, since });
  }

  /** A platform that comes back is followed again; another cluster's pods are not ours to show. */
  #followSession(): void {
    const { connection, cluster } = this.#session;
    if (!this.#over || this.#over.connection === connection) return;
    if (connection && cluster === this.#over.cluster) {
      this.#over = { connection, cluster };
      this.#restart();
      return;
    }
    this.#over = { ...this.#over, connection: undefined };
    for (const stream of this.#streams) {
      stream.stop?.abort();
      if (stream.source.shown) stream.source = { ...stream.source, state: 'failed', detail: vscode.l10n.t('Slipway is not connected') };
    }
    this.#state();
  }

  #restart(): void {
    this.#feed.restart();
    for (const stream of this.#streams) {
      stream.stop?.abort();
      if (stream.source.shown) this.#start(stream);
    }
    this.#state();
  }

  #start(stream: Stream): void {
    const stop = new AbortController();
    stream.stop = stop;
    stream.source = { ...stream.source, state: 'waiting' };
    const { id, pod, container } = stream.source;
    const tell = (state: LogSource['state'], detail?: string) => {
      if (stop.signal.aborted) return;
      const { detail: _, ...source } = stream.source;
      stream.source = { ...source, state, ...(detail && { detail }) };
      this.#state();
    };
    const target = { namespace: stream.namespace, pod, container, previous: this.#options.previous, sinceSeconds: this.#options.since || undefined };
    const onLine = (line: { time: string; text: string }) => !stop.signal.aborted && this.#feed.add(id, [line]);
    followLog(this.#session, target, { onState: tell, onLine }, stop.signal).then(() => tell('ended'), (error: Error) => tell('failed', error.message));
  }

  #state(): void {
    this.#page?.send({ type: 'state', title: this.#title, sources: this.#streams.map(({ source }) => source), options: this.#options, follow: this.#feed.follow, texts: logTexts() });
  }

  #stopAll(): void {
    for (const stream of this.#streams) stream.stop?.abort();
    this.#streams = [];
  }
}

/** Init containers are offered, the others shown at once. */
function streamsOf(pod: Pod, project: string, container: string | undefined): Stream[] {
  const main = pod.spec.containers.map((one) => one.name);
  return [...(pod.spec.initContainers ?? []).map((one) => one.name), ...main].map((name) => ({
    namespace: pod.metadata.namespace ?? project,
    stop: undefined,
    source: { id: `${pod.metadata.name}/${name}`, pod: pod.metadata.name, container: name, colour: 0, state: 'waiting', shown: container ? name === container : main.includes(name) },
  }));
}
