/** The table of all services, kept true by informers and handed on whenever something in it changed. */
import { endpoints as endpointsResource, services as servicesResource, type Endpoints, type Service } from '../../api/kinds/core.ts';
import { keyOf } from '../../api/meta.ts';
import type { Clock } from '../../base/clock.ts';
import { Scope, type Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { informer } from '../../client/informers.ts';
import type { ServiceEntry, ServiceTable } from '../network/service-table.ts';
import { serviceEntry } from './service-entries.ts';

/** Changes that come together are handed on together. */
const gatherMs = 5;

export interface ServiceFeed extends Disposable {
  readonly services: Informer<Service>;
  readonly table: ServiceTable;
}

export function serviceFeed(client: Client, clock: Clock, log: Log, onTable: (table: ServiceTable) => void): ServiceFeed {
  const scope = new Scope();
  const around = { clock, log };
  const services = scope.own(informer(client, servicesResource, {}, around));
  const endpoints = scope.own(informer(client, endpointsResource, {}, around));
  const entries = new Map<string, ServiceEntry>();
  let table: ServiceTable = [];
  let timer: Disposable | undefined;

  const publish = () => {
    timer = undefined;
    table = [...entries.values()];
    onTable(table);
  };
  const changed = (key: string) => {
    const service = services.get(key);
    if (service) entries.set(key, serviceEntry(service, endpoints.get(key)));
    else entries.delete(key);
    timer ??= clock.after(gatherMs, publish);
  };
  scope.own(services.onChange(({ object }) => changed(keyOf(object))));
  scope.own(endpoints.onChange(({ object }: { object: Endpoints }) => changed(keyOf(object))));
  scope.defer(() => timer?.dispose());
  return {
    services,
    get table() {
      return table;
    },
    dispose: () => scope.dispose(),
  };
}
