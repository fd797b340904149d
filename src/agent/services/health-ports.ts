/** Health check ports of load balancers whose traffic stays on the node: who balances asks each node whether it has endpoints, as kube-proxy answers. */
import http from 'node:http';
import type { Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import type { ServiceEntry, ServiceTable } from '../network/service-table.ts';

const requestMs = 10_000;

/** `node`: only endpoints there are counted. */
export function healthOf({ namespace, name, ports }: Pick<ServiceEntry, 'namespace' | 'name' | 'ports'>, node?: string): { status: 200 | 503; body: string; endpoints: number } {
  const ready = new Set(ports.flatMap(({ endpoints }) => endpoints.filter((one) => one.ready && (node === undefined || one.node === node)).map(({ ip }) => ip)));
  const body = JSON.stringify({ service: { namespace, name }, localEndpoints: ready.size, serviceProxyHealthy: true }, undefined, '\t');
  return { status: ready.size > 0 ? 200 : 503, body, endpoints: ready.size };
}

/** Answers every path, since each balancer has its own. `read`: the service as it is now; undefined once it is gone. */
export function healthServer(read: () => ServiceEntry | undefined, node?: string): http.Server {
  const server = http.createServer((_, response) => {
    const entry = read();
    if (!entry) return void response.writeHead(404).end();
    const { status, body, endpoints } = healthOf(entry, node);
    response.writeHead(status, { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff', 'X-Load-Balancing-Endpoint-Weight': endpoints }).end(body);
  });
  server.requestTimeout = requestMs;
  return server.on('error', () => undefined);
}

/** Those ports of a node with a network of its own. */
export class HealthPorts implements Disposable {
  readonly #node: string;
  readonly #log: Log;
  readonly #open = new Map<number, { service: string; server: http.Server }>();
  #entries: ReadonlyMap<string, ServiceEntry> = new Map();

  constructor(node: string, log: Log) {
    this.#node = node;
    this.#log = log;
  }

  update(table: ServiceTable): void {
    const wanted = table.filter(({ healthPort }) => healthPort !== undefined);
    if (wanted.length === 0 && this.#open.size === 0) return;
    this.#entries = new Map(wanted.map((entry) => [`${entry.namespace}/${entry.name}`, entry]));
    for (const [port, { service, server }] of this.#open) {
      if (this.#entries.get(service)?.healthPort === port) continue;
      server.close();
      server.closeIdleConnections();
      this.#open.delete(port);
    }
    for (const [service, { healthPort: port = 0 }] of this.#entries) {
      if (this.#open.has(port)) continue;
      const server = healthServer(() => this.#entries.get(service), this.#node);
      server.once('error', (error) => {
        this.#log.warn('the health check port of a service cannot be listened on', { service, port, error });
        // Tried again with the next table.
        if (this.#open.get(port)?.server === server) this.#open.delete(port);
      });
      this.#open.set(port, { service, server: server.listen(port, '0.0.0.0') });
    }
  }

  dispose(): void {
    for (const { server } of this.#open.values()) server.close();
    this.#open.clear();
  }
}
