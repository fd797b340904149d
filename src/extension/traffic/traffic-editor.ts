/** One route's traffic: what it is, and the draft of what it shall be. */
import * as vscode from 'vscode';
import { endpoints, services, type Endpoints, type Service } from '../../api/kinds/core.ts';
import { routes, type Route } from '../../api/kinds/route.ts';
import { sameShares, sharesOf, splitPatch, type Share } from '../../api/traffic-split.ts';
import { routeUrl } from '../../client/apps/route-url.ts';
import type { TrafficFromPage, TrafficToPage } from '../../protocol/traffic-panel.ts';
import type { Session } from '../connections/session.ts';
import { LookedAt } from '../connections/looked-at.ts';
import type { ObjectList } from '../explorer/object-list.ts';
import type { EditorContent } from '../panels/object-editors.ts';
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
  #draft: Share[] | undefined;
  #busy = false;

  constructor(session: Session, at: { namespace: string; name: string }, send: (message: TrafficToPage) => void, actions: TrafficActions) {
    this.#session = session;
    this.#at = at;
    this.#send = send;
    this.#actions = actions;
    this.#watched = new LookedAt(session, at.namespace, (list) => ({ routes: list(routes), services: list(services), endpoints: list(endpoints) }), () => this.#show());
  }

  look(visible: boolean): void {
    this.#watched.look(visible);
  }

  dispose(): void {
    this.#watched.dispose();
  }

  async receive(message: TrafficFromPage): Promise<void> {
    if (message.type === 'draft') {
      this.#draft = message.shares;
      return;
    }
    const route = this.#route();
    try {
      if (message.type === 'reset') this.#draft = undefined;
      if (message.type === 'open' && route) await this.#actions.open(route);
      if (message.type === 'apply') await this.#apply();
    } catch (error) {
      this.#actions.failed(error);
    }
    this.#show();
  }

  async #apply(): Promise<void> {
    const shares = this.#draft;
    if (!shares || this.#busy) return;
    this.#busy = true;
    this.#show();
    try {
      await this.#session.client.patch(routes, this.#at, 'merge', splitPatch(shares));
      this.#draft = undefined;
    } finally {
      this.#busy = false;
    }
  }

  #route(): Route | undefined {
    return this.#watched.lists?.routes.items().find(({ metadata }) => metadata.name === this.#at.name);
  }

  #show(): void {
    const lists = this.#watched.lists;
    const route = this.#route();
    const applied = route ? sharesOf(route) : [];
    if (this.#draft && sameShares(this.#draft, applied)) this.#draft = undefined;
    const problem = !lists ? vscode.l10n.t('Slipway is not connected') : (lists.routes.problem?.message ?? (route || !lists.routes.known ? undefined : vscode.l10n.t('{0} "{1}" is gone.', 'Route', this.#at.name)));
    this.#send({
      type: 'traffic', route: this.#at.name, url: (route && routeUrl(route, this.#session.routerPorts)) ?? '', applied, draft: this.#draft ?? applied,
      port: String(route?.spec.port?.targetPort ?? ''), services: lists ? trafficServices(route, lists.services.items(), lists.endpoints.items()) : [], busy: this.#busy, ...(problem && { problem }), texts: trafficTexts(),
    });
  }
}
