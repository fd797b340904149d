/** The Logs panel: streams of any number of containers in one bounded buffer, shown by a page that may come and go. */
import * as vscode from 'vscode';
import type { Pod } from '../../api/kinds/core.ts';
import { olderLines, pageLines, type LogLine, type LogOptions, type LogsFromPage, type LogSource, type LogsToPage } from '../../protocol/logs-panel.ts';
import type { Session } from '../connections/session.ts';
import { LineBuffer } from './line-buffer.ts';
import { followLog } from './log-stream.ts';
import { logTexts } from './log-texts.ts';
import { openPage, type Page } from './page.ts';
import { saveLog } from './save-log.ts';

interface Stream {
  source: LogSource;
  namespace: string;
  stop: AbortController | undefined;
}

/** Lines that arrived within this time travel together. */
const batchMs = 50;
const palette = 8;
const memory = 'slipway.logs.options';

export class LogsPanel implements vscode.WebviewViewProvider, vscode.Disposable {
  readonly #session: Session;
  readonly #extension: vscode.Uri;
  readonly #memento: vscode.Memento;
  readonly #buffer: LineBuffer;
  #options: LogOptions;
  #streams: Stream[] = [];
  #title = '';
  #page: Page<LogsToPage> | undefined;
  #pending: LogLine[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(session: Session, extension: vscode.Uri, memento: vscode.Memento) {
    this.#session = session;
    this.#extension = extension;
    this.#memento = memento;
    this.#buffer = new LineBuffer(vscode.workspace.getConfiguration('slipway').get<number>('logs.lines', 20_000));
    this.#options = { wrap: false, timestamps: false, since: 0, ...memento.get<Partial<LogOptions>>(memory), follow: true, previous: false };
  }

  /** Shows the logs of these pods instead of what was shown; `container`: only that one. */
  async show(pods: readonly Pod[], container?: string): Promise<void> {
    this.#stopAll();
    this.#buffer.clear();
    this.#options = { ...this.#options, follow: true, previous: false };
    this.#title = pods.map((pod) => pod.metadata.name).join(', ');
    let colour = 0;
    this.#streams = pods.flatMap((pod) => [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map((one): Stream => ({
      namespace: pod.metadata.namespace ?? this.#session.project,
      stop: undefined,
      source: {
        id: `${pod.metadata.name}/${one.name}`, pod: pod.metadata.name, container: one.name, colour: colour++ % palette, state: 'waiting',
        shown: container ? one.name === container : pod.spec.containers.some((main) => main.name === one.name),
      },
    })));
    await vscode.commands.executeCommand('slipway.logs.focus');
    this.#state(true);
    for (const stream of this.#streams) if (stream.source.shown) this.#start(stream);
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
    this.#stopAll();
    clearTimeout(this.#timer);
  }

  async #receive(message: LogsFromPage): Promise<void> {
    if (message.type === 'ready') this.#state(true);
    else if (message.type === 'older') this.#older(message.before);
    else if (message.type === 'clear') {
      this.#buffer.clear();
      this.#state(true);
    } else if (message.type === 'save') await saveLog(this.#title, this.#session, this.#streams.filter(({ source }) => source.shown).map(({ source, namespace }) => ({ ...source, namespace })));
    else if (message.type === 'source') this.#toggle(message.id, message.shown);
    else await this.#change(message.options);
  }

  #toggle(id: string, shown: boolean): void {
    const stream = this.#streams.find(({ source }) => source.id === id);
    if (!stream || stream.source.shown === shown) return;
    stream.source.shown = shown;
    if (shown) this.#start(stream);
    else {
      stream.stop?.abort();
      this.#buffer.clear(id);
    }
    this.#state(true);
  }

  async #change(options: LogOptions): Promise<void> {
    const before = this.#options;
    this.#options = options;
    const { wrap, timestamps, since } = options;
    await this.#memento.update(memory, { wrap, timestamps, since });
    const again = before.previous !== options.previous || before.since !== options.since;
    if (again) {
      this.#buffer.clear();
      for (const stream of this.#streams) {
        stream.stop?.abort();
        if (stream.source.shown) this.#start(stream);
      }
    }
    // A page that only scrolled keeps what it shows; one that follows again gets the newest lines.
    this.#state(again || (!before.follow && options.follow));
  }

  #start(stream: Stream): void {
    const stop = new AbortController();
    stream.stop = stop;
    stream.source.state = 'waiting';
    const connection = this.#session.connection;
    if (!connection) return;
    const { source, namespace } = stream;
    const tell = (state: LogSource['state'], detail?: string) => {
      if (stop.signal.aborted) return;
      stream.source = { ...source, shown: stream.source.shown, state, ...(detail && { detail }) };
      this.#state(false);
    };
    const target = { namespace, pod: source.pod, container: source.container, previous: this.#options.previous, sinceSeconds: this.#options.since || undefined };
    followLog(connection, target, { onState: tell, onLines: (lines) => this.#add(source.id, lines) }, stop.signal)
      .then(() => tell('ended'), (error: Error) => tell('failed', error.message));
  }

  #add(source: string, lines: readonly { time: string; text: string }[]): void {
    this.#pending.push(...this.#buffer.push(lines.map((line) => ({ source, ...line }))));
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const batch = this.#pending.splice(0);
      // Paused: the page asks when it wants to go on.
      if (this.#options.follow) this.#page?.send({ type: 'lines', lines: batch.slice(-pageLines), older: this.#olderThan(batch[0]) });
    }, batchMs);
  }

  #older(before: number): void {
    const lines = this.#buffer.before(before, olderLines);
    this.#page?.send({ type: 'older', lines, older: this.#olderThan(lines[0]) });
  }

  #olderThan(line: LogLine | undefined): number {
    if (!line) return 0;
    const first = Math.min(line.number, this.#buffer.last(pageLines)[0]?.number ?? line.number);
    return this.#buffer.countBefore(first);
  }

  #state(lines: boolean): void {
    const shown = this.#buffer.last(pageLines);
    const older = this.#olderThan(shown[0]);
    this.#page?.send({ type: 'state', title: this.#title, sources: this.#streams.map(({ source }) => source), options: this.#options, texts: logTexts(), older });
    if (!lines) return;
    this.#pending = [];
    this.#page?.send({ type: 'lines', lines: shown, reset: true, older });
  }

  #stopAll(): void {
    for (const stream of this.#streams) stream.stop?.abort();
    this.#streams = [];
    this.#pending = [];
  }
}
