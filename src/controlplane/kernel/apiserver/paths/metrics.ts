/** `/metrics` in Prometheus' text form: what was asked, how it went, what is open. */
import type { Store } from '../../store/store.ts';
import type { WatchHub } from '../watch/watch-hub.ts';

export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #store: Store;
  readonly #hub: WatchHub;

  constructor(store: Store, hub: WatchHub) {
    this.#store = store;
    this.#hub = hub;
  }

  count(method: string, code: number): void {
    const key = `method="${method}",code="${code}"`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
  }

  text(): string {
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const gauge = (name: string, help: string, value: number, type = 'gauge') => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`;
    return [
      '# HELP apiserver_request_total Requests answered, by method and code.\n# TYPE apiserver_request_total counter\n',
      ...[...this.#requests].sort(([a], [b]) => (a < b ? -1 : 1)).map(([labels, count]) => `apiserver_request_total{${labels}} ${count}\n`),
      gauge('apiserver_longrunning_requests', 'Open watches.', this.#hub.size),
      gauge('slipway_store_revision', 'Newest committed revision.', this.#store.revision),
      gauge('slipway_store_objects', 'Objects in the store.', this.#store.count('')),
      gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', rss),
      gauge('nodejs_heap_used_bytes', 'Heap in use in bytes.', heapUsed),
      gauge('process_cpu_seconds_total', 'User and system CPU time spent in seconds.', (user + system) / 1e6, 'counter'),
    ].join('');
  }
}
