/** Which route a request belongs to, and what is answered without asking an endpoint. */
import { logged } from './access-entry.ts';
import type { Downstream } from './downstream.ts';
import { Exchange, type ExchangeContext } from './exchange.ts';
import { hostName } from './headers.ts';
import type { PageStatus } from '../data-plane/pages.ts';
import type { RoutingTable, Target } from './table.ts';

export interface ForwardContext extends ExchangeContext {
  readonly table: RoutingTable;
  /** Port of the TLS listener, named in redirects. */
  readonly securePort: () => number;
}

export function forward(context: ForwardContext, client: Downstream): void {
  context.statistics.requests += 1;
  const url = originForm(client.url);
  if (url === undefined || client.ambiguous) return answer(context, client, 400);
  const query = url.indexOf('?');
  const path = query < 0 ? url : url.slice(0, query);
  const name = hostName(client.host);
  const target = context.table.match(name, path, client.secure);
  if (!target) return answer(context, client, client.http2 && client.secure && context.table.hasPassthrough && context.table.matchPassthrough(name) ? 421 : 503);
  const { counters, guard, route } = target;
  counters.requests += 1;
  if (!client.secure && route.insecure === 'redirect') return redirect(context, client, target, url);
  if (guard && !guard.enter(client.client)) return client.cut();
  new Exchange(context, client, target, rewrite(target, url, path)).start();
}

function answer(context: ForwardContext, client: Downstream, status: PageStatus): void {
  context.statistics.count(status);
  context.accessLog?.write(logged(client, Date.now(), { status }));
  client.page(status);
}

function redirect(context: ForwardContext, client: Downstream, { counters, route }: Target, url: string): void {
  const port = context.securePort();
  const { host } = client;
  const bare = host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : (host.split(':')[0] ?? '');
  context.statistics.count(302);
  counters.count(302);
  context.accessLog?.write(logged(client, Date.now(), { route: route.key, status: 302 }));
  client.redirect(`https://${bare}${port === 443 ? '' : `:${port}`}${url}`);
}

/** Accepts the absolute form that proxies get (RFC 9112 section 3.2.2); anything else that is no path is refused. */
function originForm(url: string): string | undefined {
  if (url.charCodeAt(0) === 47) return url;
  const match = /^https?:\/\/[^/?#]*(.*)$/i.exec(url);
  if (!match) return undefined;
  const rest = match[1] ?? '';
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function rewrite({ route }: Target, url: string, path: string): string {
  if (route.rewriteTarget === undefined) return url;
  const rest = path.slice(route.path.length);
  const rewritten = route.rewriteTarget === '/' ? `/${rest.replace(/^\//, '')}` : route.rewriteTarget + rest;
  return rewritten + url.slice(path.length);
}
