/**
 * Makes a route reachable where the browser is on another machine: `<name>.apps.localhost` means the browser's own machine there,
 * and a forwarded port arrives without the route's host name. Each route gets a listener on the loopback that names the host, and VS Code forwards that port.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import net from 'node:net';
import * as vscode from 'vscode';

/** Routes previewed at once; the oldest listener is closed for a further one. */
const most = 16;

class PreviewListeners implements vscode.Disposable {
  readonly #open = new Map<string, { server: http.Server; port: number }>();

  /** The address to open for a route's URL. */
  async externalUri(url: string): Promise<vscode.Uri> {
    const uri = vscode.Uri.parse(url);
    if (!local(url) || (vscode.env.uiKind === vscode.UIKind.Desktop && !vscode.env.remoteName)) return uri;
    const port = await this.#listen(url);
    return vscode.env.asExternalUri(vscode.Uri.parse(`http://localhost:${port}${uri.path || '/'}`));
  }

  dispose(): void {
    for (const { server } of this.#open.values()) server.close();
    this.#open.clear();
  }

  async #listen(url: string): Promise<number> {
    const { origin } = new URL(url);
    const known = this.#open.get(origin);
    if (known) return known.port;
    const server = http.createServer((request, response) => forward(new URL(origin), request, response));
    server.on('upgrade', (request, socket, head) => tunnel(new URL(origin), request, socket as net.Socket, head));
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    this.#open.set(origin, { server, port });
    const [oldest] = this.#open.keys();
    if (this.#open.size > most && oldest) {
      this.#open.get(oldest)?.server.close();
      this.#open.delete(oldest);
    }
    return port;
  }
}

export const previews = new PreviewListeners();

function local(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname.endsWith('.localhost');
}

function forward(origin: URL, request: http.IncomingMessage, response: http.ServerResponse): void {
  const upstream = http.request({ host: '127.0.0.1', port: portOf(origin), method: request.method, path: request.url, headers: { ...request.headers, host: origin.host } }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  upstream.on('error', () => {
    if (!response.headersSent) response.writeHead(502, { 'content-type': 'text/plain' });
    response.end('The router does not answer. Is Slipway running?');
  });
  request.pipe(upstream);
}

/** WebSockets of the app. */
function tunnel(origin: URL, request: http.IncomingMessage, socket: net.Socket, head: Buffer): void {
  const upstream = net.connect(portOf(origin), '127.0.0.1', () => {
    const headers = Object.entries({ ...request.headers, host: origin.host }).map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(', ') : value}`);
    upstream.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
  });
  upstream.on('error', () => socket.destroy());
  socket.on('error', () => upstream.destroy());
}

function portOf(origin: URL): number {
  return Number(origin.port || 80);
}
