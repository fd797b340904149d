/**
 * Where services have no address that routers can dial (pods share this machine's network, or live in a container engine's), an idle one gets ports of this machine's loopback,
 * served by a node: who connects waits there until a pod is ready. They stay as long as the service, since those who wait are there longer than the service is idle.
 */
import { createServer, type AddressInfo, type Server } from 'node:net';
import { services, type Service } from '../../api/kinds/core.ts';
import { keyOf } from '../../api/meta.ts';
import { idledAtAnnotation } from '../../api/well-known.ts';
import type { Disposable } from '../../base/disposable.ts';
import { Emitter } from '../../base/emitter.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller } from '../kernel/reconcile/controller.ts';
import type { PortCarrier } from './published-controller.ts';
import { loopback } from './published-plan.ts';

export class WakingPorts {
  /** Port numbers by service and name of its port. */
  readonly #open = new Map<string, Map<string, number>>();
  readonly #changes = new Emitter<string>();

  /** `127.0.0.1:<port>` of a service (`namespace/name`) that is or was idle; undefined while there is none. */
  addressOf(service: string, portName: string): string | undefined {
    const port = this.#open.get(service)?.get(portName);
    return port === undefined ? undefined : `${loopback}:${port}`;
  }

  /** Told of services whose addresses changed. */
  onChange(listener: (service: string) => void): Disposable {
    return this.#changes.on(listener);
  }

  start({ informers, clock, log, scope }: ModuleContext, carrier: PortCarrier): void {
    const known = informers.for(services);
    /** Of an agent that is gone: taken again where they are free. */
    let before = new Map<string, number>();
    const reconcile = async (key: string) => {
      await known.synced;
      const service = known.get(key);
      const open = this.#open.get(key);
      if (!service || service.metadata.deletionTimestamp) {
        for (const port of open?.values() ?? []) carrier.withdraw(nameOf(port));
        if (this.#open.delete(key)) this.#changes.fire(key);
        return;
      }
      if (service.metadata.annotations?.[idledAtAnnotation] === undefined && !open) return;
      const ports = open ?? new Map<string, number>();
      let changed = false;
      for (const { name = '' } of tcpPorts(service)) {
        if (ports.has(name)) continue;
        const server = await listen(before.get(`${key} ${name}`) ?? 0);
        const { port } = server.address() as AddressInfo;
        if (!carrier.publish({ key: nameOf(port), protocol: 'TCP', host: loopback, port, to: { service: key, portName: name } }, server)) return void server.close();
        ports.set(name, port);
        changed = true;
      }
      this.#open.set(key, ports);
      if (changed) this.#changes.fire(key);
    };
    const loop = scope.own(controller({ name: 'waking-ports', clock, log, reconcile }));
    scope.own(known.onChange(({ object }) => {
      if (object.metadata.annotations?.[idledAtAnnotation] !== undefined || this.#open.has(keyOf(object))) loop.enqueue(keyOf(object));
    }));
    scope.own(carrier.onReady(() => {
      before = new Map([...this.#open].flatMap(([key, ports]) => [...ports].map(([name, port]) => [`${key} ${name}`, port])));
      for (const ports of this.#open.values()) ports.clear();
      for (const service of known.list()) if (service.metadata.annotations?.[idledAtAnnotation] !== undefined || this.#open.has(keyOf(service))) loop.enqueue(keyOf(service));
    }));
  }
}

const nameOf = (port: number) => `TCP ${loopback}:${port}`;
const tcpPorts = ({ spec }: Service) => (spec.ports ?? []).filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP');

/** On `port` if it is free, else on one that the system chooses. */
function listen(port: number): Promise<Server> {
  const server = createServer((early) => early.resetAndDestroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error) => (port === 0 ? reject(error) : resolve(listen(0))));
    server.listen({ host: loopback, port, exclusive: true }, () => resolve(server));
  });
}
