/** What the cluster's names stand for (Kubernetes DNS-Based Service Discovery, 1.1.0); pure. Answers undefined for names that belong to others. */
import type { Answer, Question } from 'dns-packet';
import { hostAddress } from '../holder/node-network.ts';
import { hostName } from './names.ts';
import type { ServiceEntry, ServiceTable } from './service-table.ts';

export interface ZoneAnswer {
  rcode: 'NOERROR' | 'NXDOMAIN';
  answers: Answer[];
  additionals: Answer[];
  authorities: Answer[];
  /** A name outside that the answer leads to, to be asked elsewhere. */
  follow?: string;
}

/** Seconds that an answer may be kept. */
const ttl = 5;
/** Of the specification above. */
const schemaVersion = '1.1.0';

interface Named {
  service: ServiceEntry;
  /** All addresses that the name stands for. */
  addresses: string[];
}

export class DnsZone {
  readonly #domain: string;
  readonly #names = new Map<string, Named>();
  readonly #services = new Map<string, ServiceEntry>();
  readonly #projects = new Set<string>();
  readonly #reverse = new Map<string, string>();

  readonly #host: string;

  /** `host`: what the name of this machine stands for. */
  constructor(table: ServiceTable, domain: string, host = hostAddress) {
    this.#domain = domain;
    this.#host = host;
    for (const service of table) this.#add(service);
  }

  answer(question: Question): ZoneAnswer | undefined {
    const name = question.name.toLowerCase().replace(/\.$/, '');
    if (name === hostName) return this.#found(question.type === 'A' || isAny(question) ? [record(question.name, 'A', this.#host)] : []);
    if (name === 'localhost' || name.endsWith('.localhost')) return this.#found(question.type === 'A' ? [record(question.name, 'A', '127.0.0.1')] : question.type === 'AAAA' ? [record(question.name, 'AAAA', '::1')] : []);
    if (name === 'slipway.internal' || name.endsWith('.slipway.internal')) return this.#missing();
    const reverse = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name);
    if (reverse) return this.#byAddress(question, reverse.slice(1).reverse().join('.'));
    if (name !== this.#domain && !name.endsWith(`.${this.#domain}`)) return undefined;
    return this.#inside(question, name.slice(0, -this.#domain.length - 1).split('.'));
  }

  #inside(question: Question, labels: string[]): ZoneAnswer {
    const kind = labels.at(-1);
    // Kubernetes DNS-Based Service Discovery 2.2.
    if (labels.length === 1 && kind === 'dns-version') return this.#found(question.type === 'TXT' || isAny(question) ? [{ type: 'TXT', name: question.name, ttl, data: schemaVersion }] : []);
    if (labels.length === 1) return labels[0] === '' || kind === 'svc' || kind === 'pod' ? this.#found([]) : this.#missing();
    const project = labels.at(-2)!;
    if (kind === 'pod') return this.#pod(question, labels.slice(0, -2), project);
    if (kind !== 'svc') return this.#missing();
    if (labels.length === 2) return this.#projects.has(project) ? this.#found([]) : this.#missing();
    const [first = '', second = ''] = labels;
    if (first.startsWith('_') && second.startsWith('_')) return this.#srv(question, first.slice(1), second.slice(1), labels.slice(2, -1).join('.'));
    const service = labels.length === 3 ? this.#services.get(labels.slice(0, 2).join('.')) : undefined;
    if (service?.externalName !== undefined) {
      const target = service.externalName.toLowerCase().replace(/\.$/, '');
      return { ...this.#found([record(question.name, 'CNAME', target)]), follow: target };
    }
    if (service && question.type === 'SRV') return this.#allPorts(question, service);
    const named = this.#names.get(labels.slice(0, -1).join('.'));
    // Without addresses it is not there (2.4.1).
    if (!named || named.addresses.length === 0) return this.#missing();
    return this.#found(question.type === 'A' || isAny(question) ? shuffled(named.addresses).map((address) => record(question.name, 'A', address)) : []);
  }

  /** `10-128-0-5.<project>.pod`: the name says the address. */
  #pod(question: Question, labels: string[], project: string): ZoneAnswer {
    const match = labels.length === 1 ? /^(\d{1,3})-(\d{1,3})-(\d{1,3})-(\d{1,3})$/.exec(labels[0]!) : undefined;
    if (!match || match.slice(1).some((part) => Number(part) > 255) || project === '') return this.#missing();
    return this.#found(question.type === 'A' ? [record(question.name, 'A', match.slice(1).join('.'))] : []);
  }

  #srv(question: Question, portName: string, protocol: string, key: string): ZoneAnswer {
    const service = this.#services.get(key);
    const port = service?.ports.find(({ name, protocol: one }) => name.toLowerCase() === portName && one.toLowerCase() === protocol);
    if (!service || !port) return this.#missing();
    if (question.type !== 'SRV' && !isAny(question)) return this.#found([]);
    return this.#srvRecords(question, service, [port]);
  }

  #allPorts(question: Question, service: ServiceEntry): ZoneAnswer {
    return this.#srvRecords(question, service, service.ports);
  }

  #srvRecords(question: Question, service: ServiceEntry, ports: ServiceEntry['ports']): ZoneAnswer {
    const base = `${service.name}.${service.namespace}.svc.${this.#domain}`;
    const answers: Answer[] = [];
    const additionals = new Map<string, Answer>();
    for (const port of ports) {
      const targets = service.clusterIPs.length > 0 ? [{ name: base, address: service.clusterIPs[0]!, port: port.port }] : published(service, port).map(({ ip, hostname, port: number }) => ({ name: `${hostname ?? dashed(ip)}.${base}`, address: ip, port: number }));
      for (const target of targets) {
        answers.push({ type: 'SRV', name: question.name, ttl, data: { priority: 0, weight: Math.max(1, Math.floor(100 / targets.length)), port: target.port, target: target.name } });
        additionals.set(target.name, record(target.name, 'A', target.address));
      }
    }
    return answers.length === 0 ? this.#missing() : { ...this.#found(answers), additionals: [...additionals.values()] };
  }

  #byAddress(question: Question, address: string): ZoneAnswer | undefined {
    const name = this.#reverse.get(address);
    if (name !== undefined) return this.#found(question.type === 'PTR' || isAny(question) ? [record(question.name, 'PTR', name)] : []);
    // Our own ranges are nobody else's business.
    return /^(?:10\.(?:12[89]|13[01])|172\.30|100\.64)\./.test(address) ? this.#missing() : undefined;
  }

  #add(service: ServiceEntry): void {
    const key = `${service.name}.${service.namespace}`;
    const full = `${key}.svc.${this.#domain}`;
    this.#services.set(key, service);
    this.#projects.add(service.namespace);
    if (service.externalName !== undefined) return;
    for (const address of service.clusterIPs) this.#reverse.set(address, full);
    if (service.clusterIPs.length > 0) return void this.#names.set(key, { service, addresses: service.clusterIPs });
    const endpoints = new Map(service.ports.flatMap((port) => published(service, port)).map((endpoint) => [endpoint.ip, endpoint]));
    this.#names.set(key, { service, addresses: [...endpoints.keys()] });
    for (const { ip, hostname } of endpoints.values()) {
      for (const label of [dashed(ip), ...(hostname === undefined ? [] : [hostname.toLowerCase()])]) {
        const name = `${label}.${key}`;
        const known = this.#names.get(name);
        if (known) known.addresses.push(ip);
        else this.#names.set(name, { service, addresses: [ip] });
      }
      this.#reverse.set(ip, `${hostname ?? dashed(ip)}.${full}`);
    }
  }

  #found(answers: Answer[]): ZoneAnswer {
    return { rcode: 'NOERROR', answers, additionals: [], authorities: answers.length === 0 ? [this.#authority()] : [] };
  }

  #missing(): ZoneAnswer {
    return { rcode: 'NXDOMAIN', answers: [], additionals: [], authorities: [this.#authority()] };
  }

  #authority(): Answer {
    return { type: 'SOA', name: this.#domain, ttl, data: { mname: `ns.dns.${this.#domain}`, rname: `hostmaster.${this.#domain}`, serial: 1, refresh: 7200, retry: 1800, expire: 86400, minimum: ttl } };
  }
}

function published(service: ServiceEntry, port: ServiceEntry['ports'][number]) {
  return port.endpoints.filter(({ ready }) => ready || service.publishNotReady);
}

function record(name: string, type: 'A' | 'AAAA' | 'CNAME' | 'PTR', data: string): Answer {
  return { type, name, ttl, data };
}

function dashed(ip: string): string {
  return ip.replaceAll('.', '-');
}

function isAny(question: Question): boolean {
  return (question.type as string) === 'ANY';
}

/** Clients take the first address; all should have their turn. */
function shuffled<T>(list: readonly T[]): T[] {
  const start = Math.floor(Math.random() * list.length);
  return [...list.slice(start), ...list.slice(0, start)];
}
