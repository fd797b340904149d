/** Cluster addresses and node ports of services. */
import { isIPv6 } from 'node:net';
import type { Service } from '../../api/kinds/core.ts';
import { keyOf } from '../../api/meta.ts';
import { internalError, invalid, invalidValue, serviceUnavailable } from '../../api/status.ts';
import { services } from '../../api/kinds/core.ts';
import { nodePortRange, serviceNetwork } from '../../api/well-known.ts';
import type { Clock } from '../../base/clock.ts';
import { Allocator } from './allocator.ts';
import { formatIpv4, hostRange, parseIpv4 } from '../../api/ipv4.ts';

/** Addresses below are given only to who asks for one by name (upstream's static band of a /16). */
const staticBand = 256;
/** A create that arrives before the stored services are known waits at most this long. */
const readyMs = 10_000;

export const noIpv6Text = 'may not use IPv6 on a cluster which is not configured for it';

/** Who balances the load from outside asks each node at a port of its own whether it has endpoints. */
export function needsHealthPort({ spec }: Service): boolean {
  return spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
}

export class ServiceAddresses {
  readonly #clock: Clock;
  readonly #addresses: Allocator;
  readonly #ports: Allocator;
  readonly #dynamicFrom: number;
  readonly #known: Promise<void>;
  #setKnown: () => void = () => undefined;

  constructor(clock: Clock) {
    const range = hostRange(serviceNetwork);
    this.#clock = clock;
    this.#addresses = new Allocator(range, clock);
    this.#ports = new Allocator(nodePortRange, clock);
    this.#dynamicFrom = range.first + staticBand - 1;
    this.#known = new Promise((resolve) => (this.#setKnown = resolve));
  }

  /** Every stored service was confirmed: from now on numbers can be handed out. */
  ready(): void {
    this.#setKnown();
  }

  /** Fills cluster address and node ports that `service` needs and lacks, keeping those of `old`. Throws what the real server answers. */
  async allocate(service: Service, old: Service | undefined, dryRun: boolean): Promise<void> {
    await this.#waitKnown();
    this.#allocateAddress(service, old, dryRun);
    this.#allocatePorts(service, old, dryRun);
    this.#allocateHealthPort(service, old, dryRun);
  }

  confirm(service: Service): void {
    const { key, uid } = identity(service);
    if (!uid) return;
    for (const [allocator, number] of this.#held(service)) allocator.confirm(number, key, uid);
  }

  release(service: Service, kept?: Service): void {
    const { key, uid } = identity(service);
    const keep = new Set(kept ? this.#held(kept).map(([, number]) => number) : []);
    for (const [allocator, number] of this.#held(service)) if (!keep.has(number)) allocator.release(number, key, uid);
  }

  #held(service: Service): [Allocator, number][] {
    const address = parseIpv4(service.spec.clusterIP ?? '');
    const ports = [...(service.spec.ports ?? []).map(({ nodePort }) => nodePort), service.spec.healthCheckNodePort].flatMap((port) => (port ? [[this.#ports, port] as [Allocator, number]] : []));
    return address !== undefined && this.#addresses.holds(address) ? [[this.#addresses, address], ...ports] : ports;
  }

  #allocateAddress(service: Service, old: Service | undefined, dryRun: boolean): void {
    const { spec } = service;
    if (spec.type === 'ExternalName') {
      delete spec.clusterIP;
      delete spec.clusterIPs;
      delete spec.ipFamilies;
      delete spec.ipFamilyPolicy;
      return;
    }
    const all = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? ''];
    for (const [at, ip] of all.entries()) if (isIPv6(ip)) throw invalid(services, service.metadata.name, [invalidValue(`spec.clusterIPs[${at}]`, all, noIpv6Text)]);
    const asked = spec.clusterIP ?? spec.clusterIPs?.[0] ?? '';
    if (asked !== '' && (asked === 'None' || asked === old?.spec.clusterIP)) spec.clusterIP = asked;
    else if (asked !== '') spec.clusterIP = this.#reserveAddress(service, asked, dryRun);
    else spec.clusterIP = this.#takeAddress(service);
    spec.clusterIPs = [spec.clusterIP];
    spec.ipFamilies ??= ['IPv4'];
    spec.ipFamilyPolicy ??= 'SingleStack';
  }

  #reserveAddress(service: Service, asked: string, dryRun: boolean): string {
    const number = parseIpv4(asked);
    // What is no address at all is refused by validation, with its own text.
    if (number === undefined) return asked;
    const problem = !this.#addresses.holds(number)
      ? `failed to allocate IP ${asked}: the provided IP (${asked}) is not in the valid range. The range of valid IPs is ${serviceNetwork}`
      : !this.#addresses.reserve(number, identity(service).key)
        ? `failed to allocate IP ${asked}: provided IP is already allocated`
        : undefined;
    if (problem) throw invalid(services, service.metadata.name, [invalidValue('spec.clusterIPs', [asked], problem)]);
    if (dryRun) this.#addresses.release(number, identity(service).key, undefined);
    return asked;
  }

  #takeAddress(service: Service): string {
    const number = this.#addresses.take(identity(service).key, this.#dynamicFrom);
    if (number === undefined) throw internalError('failed to allocate a serviceIP: range is full');
    return formatIpv4(number);
  }

  #allocatePorts(service: Service, old: Service | undefined, dryRun: boolean): void {
    const { spec } = service;
    const { key } = identity(service);
    const needed = spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
    const mine = new Set((old?.spec.ports ?? []).map(({ nodePort }) => nodePort));
    for (const [at, port] of (spec.ports ?? []).entries()) {
      if (!needed && spec.type !== 'LoadBalancer') {
        delete port.nodePort;
        continue;
      }
      if (port.nodePort) {
        if (mine.has(port.nodePort) || !this.#ports.holds(port.nodePort)) continue;
        if (!this.#ports.reserve(port.nodePort, key)) {
          throw invalid(services, service.metadata.name, [invalidValue(`spec.ports[${at}].nodePort`, port.nodePort, 'provided port is already allocated')]);
        }
        if (dryRun) this.#ports.release(port.nodePort, key, undefined);
      } else if (needed) {
        const number = this.#ports.take(`${key}:${port.port}/${port.protocol}`);
        if (number === undefined) throw internalError('failed to allocate a nodePort: range is full');
        port.nodePort = number;
      }
    }
  }

  #allocateHealthPort(service: Service, old: Service | undefined, dryRun: boolean): void {
    const { spec } = service;
    const { key } = identity(service);
    // What is asked for where there is none is refused by validation.
    if (!needsHealthPort(service)) return;
    const asked = spec.healthCheckNodePort || (old && needsHealthPort(old) ? old.spec.healthCheckNodePort : undefined);
    spec.healthCheckNodePort = asked || this.#ports.take(`${key}:health`);
    if (spec.healthCheckNodePort === undefined) throw internalError('failed to allocate a HealthCheck NodePort: range is full');
    if (!asked || asked === old?.spec.healthCheckNodePort || !this.#ports.holds(asked)) return;
    if (!this.#ports.reserve(asked, key)) throw invalid(services, service.metadata.name, [invalidValue('spec.healthCheckNodePort', asked, 'provided port is already allocated')]);
    if (dryRun) this.#ports.release(asked, key, undefined);
  }

  async #waitKnown(): Promise<void> {
    let timer: ReturnType<Clock['after']> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = this.#clock.after(readyMs, () => reject(serviceUnavailable('the addresses of existing services are not known yet, please try again')));
    });
    try {
      await Promise.race([this.#known, late]);
    } finally {
      void timer?.dispose();
    }
  }
}

const identity = (service: Service) => ({ key: keyOf(service), uid: service.metadata.uid });
