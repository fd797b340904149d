/** Tells of ports of services that are kept and that nobody here carries: those of SCTP, as where a cluster's network does not know it. */
import { services } from '../../api/kinds/core.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';

export function tellUnservedPorts({ client, informers, clock, scope }: ModuleContext): void {
  const recorder = scope.own(eventRecorder(client, 'service-controller', clock));
  scope.own(informers.for(services).onChange(({ type, object, previous }) => {
    if (type === 'deleted' || object.spec === previous?.spec) return;
    for (const { name, port, protocol } of object.spec.ports ?? []) {
      if (protocol !== 'SCTP' || previous?.spec.ports?.some((one) => one.port === port && one.protocol === protocol)) continue;
      recorder.warning(object, 'UnsupportedProtocol', `Port ${name ?? port} leads nowhere: SCTP is not carried here, only TCP and UDP are`);
    }
  }));
}
