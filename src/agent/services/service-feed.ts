/** The table of all services, kept true by informers and handed on whenever something in it changed. */
import { endpointSlices, type EndpointSlice } from '../../api/kinds/cluster.ts';
import { services as servicesResource, type Service } from '../../api/kinds/core.ts';
import { keyOf } from '../../api/meta.ts';
import { serviceNameLabel } from '../../api/well-known.ts';
import type { Clock } from '../../base/clock.ts';
import { Scope, type Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { informer } from '../../client/informers.ts';
import type { ServiceEntry, ServiceTable } from '../network/service-table.ts';
import { drainOf, podIndex, podsIn, type Drain } from './drain.ts';
import { serviceEntry } from './service-entries.ts';

/** Changes that come together are handed on together. */
const gatherMs = 5;

const serviceOf = ({ metadata }: EndpointSlice): string[] => {
  const name = metadata.labels?.[serviceNameLabel];
  return name === undefined ? [] : [`${metadata.namespace}/${name}`];
};

export interface ServiceFeed extends Disposable {
  readonly services: Informer<Service>;
  readonly table: ServiceTable;
  readonly drain: Drain;
}

export function serviceFeed(client: Client, clock: Clock, log: Log, onTable: (table: ServiceTable) => void): ServiceFeed {
  const scope = new Scope();
  const around = { clock, log };
  const services = scope.own(informer(client, servicesResource, {}, around));
  const slices = scope.own(informer<EndpointSlice>(client, endpointSlices, { indexes: { service: (slice) => serviceOf(slice), [podIndex]: (slice) => podsIn(slice) } }, around));
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
    if (service) entries.set(key, serviceEntry(service, slices.byIndex('service', key)));
    else entries.delete(key);
    timer ??= clock.after(gatherMs, publish);
  };
  scope.own(services.onChange(({ object }) => changed(keyOf(object))));
  scope.own(slices.onChange(({ object, previous }) => {
    for (const key of new Set([...serviceOf(object), ...(previous ? serviceOf(previous) : [])])) changed(key);
  }));
  scope.defer(() => timer?.dispose());
  return {
    services,
    get table() {
      return table;
    },
    drain: scope.own(drainOf(slices, clock)),
    dispose: () => scope.dispose(),
  };
}
