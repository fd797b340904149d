/**
 * Makes a route reachable where the browser is on another machine: `<name>.apps.localhost` means the browser's own machine there,
 * and a forwarded port arrives without the route's host name. Each route gets a listener on the loopback that names the host, and VS Code forwards that port.
 */
import type http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import * as vscode from 'vscode';

/** Routes previewed at once; the oldest listener is closed for a further one. */
const most = 16;

class PreviewListeners implements vscode.Disposable {
  readonly #open = new Map<string, { server: http.Server; port: number }>();

  /** The address to open for a route's URL. */
  async externalUri(url: string): Promise<vscode.Uri> {
    const uri = vscode.Uri.parse(url);
    if (!local(url) || (vscode.env.uiKind === vscode.UIKind.Desktop && !vscode.env.remoteName)) return uri;
    const port = await this.#listen(new URL(url).origin);
    return vscode.env.asExternalUri(vscode.Uri.parse(`http://localhost:${port}${uri.path || '/'}`));
  }

  dispose(): void {
    for (const origin of [...this.#open.keys()]) this.#close(origin);
  }

  async #listen(origin: string): Promise<number> {
    const known = this.#open.get(origin);
    if (known) return known.port;
    const { createServer } = await import('node:http');
    const { forward, tunnel } = await import('./preview-forward.ts');
    const target = new URL(origin);
    const server = createServer((request, response) => forward(target, request, response));
    server.on('upgrade', (request, socket, head) => tunnel(target, request, socket as Socket, head));
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    this.#open.set(origin, { server, port });
    const [oldest] = this.#open.keys();
    if (this.#open.size > most && oldest) this.#close(oldest);
    return port;
  }

  #close(origin: string): void {
    const server = this.#open.get(origin)?.server;
    this.#open.delete(origin);
    server?.close();
    server?.closeAllConnections();
  }
}

export const previews = new PreviewListeners();

function local(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname.endsWith('.localhost');
}
