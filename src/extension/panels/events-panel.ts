/** The Events panel: what happens in a project or to some objects of it, followed while it is looked at. */
import * as vscode from 'vscode';
import { events, type Event } from '../../api/kinds/core.ts';
import type { EventsFromPage, EventsToPage } from '../../protocol/events-panel.ts';
import type { Session } from '../connections/session.ts';
import { ObjectList } from '../explorer/object-list.ts';
import { eventRows, type EventSubject } from './events-view.ts';
import { eventTexts } from './event-texts.ts';
import { connectionObstacle, listObstacle, problemOf, type Obstacle } from './page-problem.ts';
import { openPage, type Page } from './page.ts';

/** Whose events are shown. */
export interface EventScope {
  namespace: string;
  /** Absent: the whole project. */
  of?: { title: string; subjects: readonly EventSubject[] };
}

/** Shows what an event is about. */
export type DescribeObject = (namespace: string, kind: string, name: string) => Promise<unknown>;

/** What comes within this time is shown at once. */
const coalesceMs = 120;

export class EventsPanel implements vscode.WebviewViewProvider, vscode.Disposable {
  readonly #session: Session;
  readonly #extension: vscode.Uri;
  readonly #describe: DescribeObject;
  readonly #listening: vscode.Disposable;
  /** Absent: the current project, whichever that is. */
  #scope: EventScope | undefined;
  /** Whose scope that is. */
  #cluster: string | undefined;
  #list: { namespace: string; over: unknown; events: ObjectList<Event> } | undefined;
  #view: vscode.WebviewView | undefined;
  #page: Page<EventsToPage> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(session: Session, extension: vscode.Uri, describe: DescribeObject) {
    this.#session = session;
    this.#extension = extension;
    this.#describe = describe;
    this.#listening = session.onDidChange(() => this.#follow());
  }

  async show(scope: EventScope | undefined): Promise<void> {
    this.#scope = scope;
    this.#cluster = this.#session.cluster;
    await vscode.commands.executeCommand('slipway.events.focus');
    this.#follow();
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.#view = view;
    const page = openPage<EventsToPage, EventsFromPage>(view, this.#extension, 'events', vscode.l10n.t('Events'), (message) => this.#receive(message));
    this.#page = page;
    const visible = view.onDidChangeVisibility(() => this.#follow());
    view.onDidDispose(() => {
      visible.dispose();
      page.dispose();
      if (this.#view !== view) return;
      this.#view = this.#page = undefined;
      this.#follow();
    });
  }

  dispose(): void {
    this.#listening.dispose();
    this.#close();
  }

  #receive(message: EventsFromPage): void {
    if (message.type === 'ready') this.#follow();
    else if (message.type === 'fix') void vscode.commands.executeCommand(this.#obstacle()?.fix?.command ?? 'slipway.status.show');
    else if (message.type === 'project') {
      this.#scope = this.#scope && { namespace: this.#scope.namespace };
      this.#send();
    } else void this.#describe(this.#namespace, message.kind, message.name);
  }

  get #namespace(): string {
    return this.#scope?.namespace ?? this.#session.project;
  }

  /** Watches the project that is meant, if anybody looks. */
  #follow(): void {
    const { connection, cluster } = this.#session;
    // Another cluster has other objects, though they may have the same names.
    if (this.#scope && this.#cluster !== cluster) this.#scope = undefined;
    const namespace = this.#namespace;
    if (!this.#view?.visible || !connection || this.#list?.over !== connection || this.#list.namespace !== namespace) this.#close();
    if (!this.#view?.visible) return;
    if (this.#session.state === 'idle') void this.#session.connect();
    if (connection && !this.#list) {
      const list = new ObjectList(this.#session, events, namespace, () => this.#soon());
      this.#list = { namespace, over: connection, events: list };
      // Of none there is no change.
      void list.ready.then(() => this.#list?.events === list && this.#soon());
    }
    this.#send();
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#list?.events.dispose();
    this.#list = undefined;
  }

  #obstacle(): Obstacle | undefined {
    const { t } = vscode.l10n;
    return this.#list ? listObstacle([this.#list.events], t) : connectionObstacle(this.#session, this.#session.cluster, t);
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => this.#send(), coalesceMs);
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { of } = this.#scope ?? {};
    const { rows, more } = eventRows(this.#list?.events.items() ?? [], of?.subjects);
    const list = this.#list?.events;
    const obstacle = this.#obstacle();
    this.#page?.send({ type: 'events', title: of ? `${this.#namespace} · ${of.title}` : this.#namespace, whole: !of, rows, more, loading: !obstacle && !list?.known, ...problemOf(obstacle), texts: eventTexts() });
  }
}
