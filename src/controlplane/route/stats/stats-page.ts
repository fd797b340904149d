/** Statistics of the router for a person with a browser: routes, what stands behind them, what went through. Pure; works without scripts. */
import type { RouterMetrics, RouterRouteMetrics } from '../../../protocol/router.ts';

const styles = [
  ':root{color-scheme:light dark;--line:#8884;--soft:#8881;--dim:#888;--up:#2b8a3e;--down:#c92a2a}',
  'body{font:14px/1.5 system-ui,sans-serif;margin:0}main{max-width:90em;margin:2em auto;padding:0 1.5em}h1{font-size:1.5em;font-weight:400;margin:0}p{color:var(--dim);margin:.3em 0 1.5em}a{color:inherit}',
  'dl{display:flex;flex-wrap:wrap;gap:.5em 2.5em;margin:0 0 2em}dt{color:var(--dim)}dd{margin:0;font-size:1.4em}',
  '.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;white-space:nowrap}th,td{text-align:right;padding:.3em .8em;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}th{color:var(--dim);font-weight:400}',
  'th:first-child,td:first-child,th:nth-child(2),td:nth-child(2),.state{text-align:left}tr.route{background:var(--soft);font-weight:600}tr.endpoint td:first-child{padding-left:2em}',
  'td.state::before{content:"";display:inline-block;width:.6em;height:.6em;border-radius:50%;margin-right:.5em;background:var(--up)}td.state.down::before{background:var(--down)}.some{color:var(--down)}',
].join('');

const terminations = { none: 'http', edge: 'edge', reencrypt: 'reencrypt', passthrough: 'passthrough' } as const;

export interface StatsPage {
  /** Undefined: the router does not answer. */
  metrics: RouterMetrics | undefined;
  routes: readonly RouterRouteMetrics[];
  /** Requests a second since the page was looked at before, by route. */
  rates: ReadonlyMap<string, number>;
  /** Seconds after which the page loads again by itself. */
  refresh: number | undefined;
}

export function statsPage({ metrics, routes, rates, refresh }: StatsPage): string {
  const sorted = [...routes].sort((a, b) => (a.key < b.key ? -1 : 1));
  return `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">${refresh ? `<meta http-equiv="refresh" content="${refresh}">` : ''}<title>Router statistics</title><style>${styles}</style></head>
<body><main>
<h1>Router statistics</h1>
<p>Counted since the router started. ${refresh ? `Loads again every ${refresh} s: <a href="/">stop</a>` : '<a href="/;refresh=5">Load again every 5 s</a>'} · <a href="/;csv">CSV</a> · <a href="/stats">JSON</a> · <a href="/metrics">Prometheus</a></p>
${metrics ? summary(metrics, sorted, rates) : '<p>The router does not answer.</p>'}
<div class="wide"><table>
<thead><tr><th>Route, endpoints</th><th>Termination, service</th><th class="state">State</th><th>Sessions</th><th>Requests</th><th>Requests/s</th><th>1xx</th><th>2xx</th><th>3xx</th><th>4xx</th><th>5xx</th><th>In</th><th>Out</th><th>Retries</th><th>Failed connections</th></tr></thead>
<tbody>
${sorted.length > 0 ? sorted.map((route) => routeRows(route, rates.get(route.key))).join('\n') : '<tr><td colspan="15">There is no route.</td></tr>'}
</tbody>
</table></div>
</main></body>
</html>
`;
}

function summary(metrics: RouterMetrics, routes: readonly RouterRouteMetrics[], rates: ReadonlyMap<string, number>): string {
  const rate = routes.reduce((sum, { key }) => sum + (rates.get(key) ?? 0), 0);
  const facts: [string, string][] = [
    ['Connections', count(metrics.connections)], ['Requests', count(metrics.requests)], ['Requests/s', perSecond(rate)], ['Under way', count(metrics.inFlight)], ['Tunnels', count(metrics.tunnels)],
    ['Routes', count(metrics.routes)], ['Endpoints', count(metrics.endpoints)], ['Answers 5xx', count(metrics.responses[5] ?? 0)],
  ];
  return `<dl>${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join('')}</dl>`;
}

function routeRows(route: RouterRouteMetrics, rate: number | undefined): string {
  const up = route.endpoints.filter((endpoint) => endpoint.up).length;
  const cells = [
    text(route.key), terminations[route.termination ?? 'none'], state(up > 0, `${up} of ${route.endpoints.length} up`), number(route.inFlight), number(route.requests), cell(rate === undefined ? '' : perSecond(rate)),
    ...[1, 2, 3, 4].map((at) => number(route.responses[at] ?? 0)), trouble(route.responses[5] ?? 0), bytes(route.bytesIn), bytes(route.bytesOut), number(route.retries), trouble(route.connectFailures),
  ];
  return [
    `<tr class="route"><td>${cells[0]}</td><td>${cells[1]}</td>${cells.slice(2).join('')}</tr>`,
    ...[...route.endpoints].sort((a, b) => (`${a.service} ${a.pod ?? ''}` < `${b.service} ${b.pod ?? ''}` ? -1 : 1)).map(({ pod, address, service, up: serves, inFlight, requests }) =>
      `<tr class="endpoint"><td>${text(pod ?? address)}${pod === undefined ? '' : ` <small>${text(address)}</small>`}</td><td>${text(service.slice(service.indexOf('/') + 1))}</td>${state(serves, serves ? 'up' : 'down')}${number(inFlight)}${number(requests)}${'<td></td>'.repeat(10)}</tr>`),
  ].join('\n');
}

const cell = (content: string) => `<td>${content}</td>`;
const number = (value: number) => cell(count(value));
const trouble = (value: number) => (value > 0 ? `<td class="some">${count(value)}</td>` : number(0));
const state = (up: boolean, words: string) => `<td class="state${up ? '' : ' down'}">${words}</td>`;
const count = (value: number) => String(value).replace(/\B(?=(\d{3})+$)/g, '\u202f');
const perSecond = (rate: number) => (rate >= 10 ? count(Math.round(rate)) : rate.toFixed(1));

const units = ['B', 'kB', 'MB', 'GB', 'TB'];
function bytes(value: number): string {
  const power = value < 1_000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return `<td title="${value} bytes">${power === 0 ? value : (value / 1_000 ** power).toFixed(1)} ${units[power]}</td>`;
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const text = (raw: string) => raw.replace(/[&<>"']/g, (letter) => entities[letter] ?? '');
