/** What the router answers itself. */
import { STATUS_CODES } from 'node:http';

const styles = 'body{font:16px/1.5 system-ui,sans-serif;color:#222;background:#fff;margin:0}main{max-width:40em;margin:8vh auto;padding:0 1.5em}h1{font-weight:400}li{margin:.5em 0}code{background:#eee;padding:0 .3em}@media(prefers-color-scheme:dark){body{color:#ddd;background:#1e1e1e}code{background:#333}}';

const unavailable = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Application is not available</title><style>${styles}</style></head>
<body><main>
<h1>Application is not available</h1>
<p>The application is currently not serving requests at this endpoint. It may not have been started or is still starting.</p>
<p>Possible reasons you are seeing this page:</p>
<ul>
<li><strong>The host doesn't exist.</strong> Make sure the host name was typed correctly and that a route matching this host name exists.</li>
<li><strong>The host exists, but doesn't have a matching path.</strong> Check that the path of the URL and that of the route agree.</li>
<li><strong>Route and path match, but all pods are down.</strong> Make sure that the resources behind this route (service, pods, deployment config) exist and that at least one pod is ready: <code>kubectl get endpoints</code>.</li>
</ul>
</main></body>
</html>
`;

const plain = (status: number, why: string) => `${status} ${STATUS_CODES[status]}\n${why}\n`;

export interface Page {
  type: string;
  body: Buffer;
}
const pages: Record<number, Page> = {
  400: page('text/plain; charset=utf-8', plain(400, 'The router could not understand this request.')),
  421: page('text/plain; charset=utf-8', plain(421, 'This host ends TLS itself: ask it over a connection of its own.')),
  502: page('text/plain; charset=utf-8', plain(502, 'The application closed the connection before it had answered.')),
  503: page('text/html; charset=utf-8', unavailable),
  504: page('text/plain; charset=utf-8', plain(504, 'The application did not answer in time.')),
};

function page(type: string, text: string): Page {
  return { type, body: Buffer.from(text) };
}

export type PageStatus = 400 | 421 | 502 | 503 | 504;

export const pageOf = (status: PageStatus): Page => pages[status] as Page;

export function pageHeaders({ type, body }: Page): Record<string, string | number> {
  return { 'Content-Type': type, 'Content-Length': body.length, 'Cache-Control': 'private, max-age=0, no-cache, no-store', Pragma: 'no-cache' };
}
