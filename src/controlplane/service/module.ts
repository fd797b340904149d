// Reads services, pods, endpoints; owns NetworkPolicies, which nodes enforce.
// Writes endpoints, endpoint slices, the services of the platform itself in project `default`, events; sizes of what idle services lead to.
import { services } from '../../api/kinds/core.ts';
import type { Clock } from '../../base/clock.ts';
import type { Module } from '../kernel/boot/module.ts';
import { ServiceAddresses } from './addresses.ts';
import { endpointsKind, endpointSliceKind } from './endpoints.ts';
import { startEndpointsController } from './endpoints-controller.ts';
import { networkPolicyKind } from './network-policy.ts';
import { startPublishedController, type PortCarrier } from './published-controller.ts';
import { serviceKind } from './service.ts';
import { ensureSystemServices, type SystemEndpoints } from './system-services.ts';
import { tellUnservedPorts } from './unserved-ports.ts';
import { startUnidlingController } from './unidling-controller.ts';
import { WakingPorts } from './waking-ports.ts';

export interface ServiceDependencies {
  clock: Clock;
  /** Absent: ports of this machine lead to no service. */
  carrier?: PortCarrier | undefined;
  /** The addresses of services lead nowhere from where routers are. */
  addressesInside?: boolean;
  /** Where the API and the registry listen, if they have an address worth showing. */
  systemEndpoints?: SystemEndpoints;
}

export interface ServiceModule extends Module {
  /** Where idle services are woken instead of at their own addresses. */
  readonly waking: WakingPorts | undefined;
}

export function serviceModule({ clock, carrier, addressesInside = false, systemEndpoints = {} }: ServiceDependencies): ServiceModule {
  const waking = addressesInside ? new WakingPorts() : undefined;
  const addresses = new ServiceAddresses(clock);
  return {
    name: 'service',
    waking,
    dependsOn: ['project'],
    kinds: [serviceKind(addresses), endpointsKind, endpointSliceKind, networkPolicyKind],
    async start(context) {
      const known = context.informers.for(services);
      await known.synced;
      context.scope.own(known.onChange(({ type, object, previous }) => {
        if (type === 'deleted') return addresses.release(object);
        if (previous) addresses.release(previous, object);
        addresses.confirm(object);
      }));
      addresses.ready();
      await ensureSystemServices(context.client, systemEndpoints);
      await startEndpointsController(context);
      startUnidlingController(context);
      tellUnservedPorts(context);
      if (carrier) startPublishedController(context, carrier);
      if (carrier) waking?.start(context, carrier);
    },
  };
}
