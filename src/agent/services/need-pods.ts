/** Tells that somebody waits for pods of an idle service: the event by which OpenShift's proxies wake services. */
import { services } from '../../api/kinds/core.ts';
import { splitKey } from '../../api/meta.ts';
import { needPodsReason } from '../../api/well-known.ts';
import type { Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Client } from '../../client/client.ts';
import { eventRecorder } from '../../client/event-recorder.ts';

/** A service is told of once in this time, however many connect. */
const againMs = 2_000;
/** Services remembered for that; beyond, one may be told of too often. */
const remembered = 1_000;

export interface NeedPods extends Disposable {
  tell(this: void, service: string, portName: string): void;
}

export function needPodsTeller(client: Client, clock: Clock, node: string): NeedPods {
  const recorder = eventRecorder(client, 'unidling-proxy', clock, node);
  const told = new Map<string, number>();
  return {
    tell(service, portName) {
      const now = clock.now().getTime();
      if (now - (told.get(service) ?? 0) < againMs) return;
      if (told.size >= remembered) told.clear();
      told.set(service, now);
      const { namespace, name } = splitKey(service);
      recorder.normal({ apiVersion: services.version, kind: services.kind, name, ...(namespace && { namespace }) }, needPodsReason, `The service-port ${name}:${portName} needs pods.`);
    },
    dispose: () => recorder.dispose(),
  };
}
