/** One route's traffic: what it is, and the draft of what it shall be. */
import * as vscode from 'vscode';
import { endpoints, services, type Endpoints, type Service } from '../../api/kinds/core.ts';
import { routes, type Route } from '../../api/kinds/route.ts';
import { sharesOf, splitPatch } from '../../api/traffic-split.ts';
import { routeUrl } from '../../client/apps/route-url.ts';
import type { TrafficFromPage, TrafficToPage } from '../../protocol/traffic-panel.ts';
import type { Session } from '../connections/session.ts';
import { LookedAt } from '../connections/looked-at.ts';
import { kindWord } from '../explorer/kind-words.ts';
import type { ObjectList } from '../explorer/object-list.ts';
import type { EditorContent } from '../panels/object-editors.ts';
import { connectionObstacle, listObstacle, problemOf, type Obstacle } from '../panels/page-problem.ts';
import { KeptDraft } from './kept-draft.ts';
import { trafficServices } from './traffic-services.ts';
import { trafficTexts } from './traffic-texts.ts';

interface Lists {
  routes: ObjectList<Route>;
  services: ObjectList<Service>;
  endpoints: ObjectList<Endpoints>;
}

export interface TrafficActions {
  open(route: Route): Promise<unknown>;
  failed(error: unknown): unknown;
}

export class TrafficEditor implements EditorContent<TrafficFromPage> {
  readonly #session: Session;
  readonly #at: { namespace: string; name: string };
  readonly #send: (message: TrafficToPage) => void;
  readonly #actions: TrafficActions;
  readonly #watched: LookedAt<Lists>;
  readonly #draft = new KeptDraft();
  readonly #cluster: string;
  #busy = false;

  constructor(session: Session, at: { namespace: string; name: string }, send: (message: TrafficToPage) => void, actions: TrafficActions) {
    this.#session = session;
    this.#at = at;
    this.#send = send;
    this.#actions = actions;
    this.#cluster = session.cluster;
    this.#watched = new LookedAt(session, at.namespace, (list) => ({ routes: list(routes), services: list(services), endpoints: list(endpoints) }), () => this.#show());
  }

  look(visible: boolean): void {
    this.#watched.look(visible);
  }

  dispose(): void {
    this.#watched.dispose();
  }

  async receive(message: TrafficFromPage): Promise<void> {
    if (message.type === 'fix') return void vscode.commands.executeCommand(this.#obstacle()?.fix?.command ?? 'slipway.status.show');
    if (message.type === 'draft') return this.#draft.change(message.shares, message.edit);
    const route = this.#route();
    try {
      if (message.type === 'reset') this.#draft.change(undefined, message.edit);
      if (message.type === 'open' && route) await this.#actions.open(route);
      if (message.type === 'apply') await this.#apply();
    } catch (error) {
      this.#actions.failed(error);
    }
    this.#show();
  }

  async #apply(): Promise<void> {
    const { shares } = this.#draft;
    const before = this.#told()?.metadata.resourceVersion;
    // Without a version there is no route, or the window works with another cluster by now.
    if (!shares || this.#busy || before === undefined) return;
    this.#busy = true;
    this.#show();
    try {
      this.#draft.written(shares, before, await this.#session.client.patch(routes, this.#at, 'merge', splitPatch(shares)));
    } finally {
      this.#busy = false;
    }
  }

  #route(): Route | undefined {
    return this.#draft.newest(this.#told());
  }

  #told(): Route | undefined {
    return this.#watched.lists?.routes.items().find(({ metadata }) => metadata.name === this.#at.name);
  }

  #obstacle(): Obstacle | undefined {
    const { t } = vscode.l10n;
    const lists = this.#watched.lists;
    if (!lists) return connectionObstacle(this.#session, this.#cluster, t);
    const gone = lists.routes.known && !this.#told() ? { text: t('{0} "{1}" is gone.', kindWord('Route', t), this.#at.name) } : undefined;
    return listObstacle([lists.routes, lists.services, lists.endpoints], t) ?? gone;
  }

  #show(): void {
    const lists = this.#watched.lists;
    const route = this.#route();
    const applied = route ? sharesOf(route) : [];
    if (route) this.#draft.settle(applied);
    const obstacle = this.#obstacle();
    this.#send({
      type: 'traffic', route: this.#at.name, url: (route && routeUrl(route, this.#session.routerPorts)) ?? '', applied, draft: route ? (this.#draft.shares ?? applied) : [], edit: this.#draft.edit, loading: !route && !obstacle,
      port: String(route?.spec.port?.targetPort ?? ''), services: lists ? trafficServices(route, lists.services.items(), lists.endpoints.items()) : [], busy: this.#busy, ...problemOf(obstacle), texts: trafficTexts(),
    });
  }
}
