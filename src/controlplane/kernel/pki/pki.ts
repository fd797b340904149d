/** The platform's own certificate authority and what it issued, kept in one folder (0700, files 0600). */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterDomain, routeSuffix, systemAddresses, systemProject, systemServices } from '../../../api/well-known.ts';
import { systemClock, type Clock } from '../../../base/clock.ts';
import { issueCertificate, keyToPem, newKey, type KeyPair, type Subject } from './certificate.ts';
import { writePrivateFile } from './write-file.ts';

export type { KeyPair } from './certificate.ts';

const day = 86_400_000;
const caLife = 3650 * day;
const leafLife = 365 * day;
/** A leaf with less than this left is issued anew; a CA with less than a leaf's life left too, since it must outlive what it signs. */
const renewBefore = 30 * day;
/** Clocks of containers and editors elsewhere may be behind. */
const backdate = 3_600_000;

export interface PkiOptions {
  clock?: Clock;
  /** Names and addresses under which this machine is reached besides the usual ones. */
  hosts?: readonly string[];
  /** Suffix of routes; the router's default certificate covers it. */
  appsDomain?: string;
}

export interface Pki {
  /** PEM. */
  readonly caCertificate: string;
  /** API server and registry: localhost and the names and addresses inside the cluster. */
  readonly server: KeyPair;
  /** The router's default certificate: `*.<appsDomain>`. */
  readonly apps: KeyPair;
  /** Client certificate of `system:admin` in `system:masters`. */
  readonly admin: KeyPair;
  /** Signs service account tokens (ES256). PKCS #8 PEM. */
  readonly serviceAccountKey: string;
  /** A client certificate that is not kept, e.g. `system:node:node-1` in `system:nodes`. */
  issueClient(user: string, groups: readonly string[]): KeyPair;
  /** A server's certificate that is not kept, e.g. of a service. */
  issueServer(hosts: readonly string[]): KeyPair;
  /** Issues anew what expires soon, and returns the names of what changed: listeners must then load `server` and `apps` again. */
  renew(): Promise<string[]>;
}

/** Opens the folder, making whatever is missing. Throws `PkiDamaged` for files that cannot be used. */
export async function openPki(directory: string, options: PkiOptions = {}): Promise<Pki> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  const folder = new PkiFolder(directory, options);
  await folder.renew();
  return folder;
}

/** Keys or certificates that do not belong together or cannot be read. */
export class PkiDamaged extends Error {
  constructor(file: string, why: string) {
    super(`${file} cannot be used: ${why}. Restore it from a backup, or remove the folder it lies in to make new keys (other users of the kubeconfig then need the new one)`);
    this.name = 'PkiDamaged';
  }
}

interface Leaf {
  subject: Subject;
  usage: 'server' | 'client';
  hosts?: readonly string[];
}

class PkiFolder implements Pki {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #leaves: Record<'server' | 'apps' | 'admin', Leaf>;
  readonly #pairs = new Map<string, KeyPair>();
  #caKey: KeyObject | undefined;
  #serviceAccountKey = '';

  constructor(directory: string, options: PkiOptions) {
    this.#directory = directory;
    this.#clock = options.clock ?? systemClock;
    const appsDomain = options.appsDomain ?? routeSuffix;
    this.#leaves = {
      server: { subject: { commonName: 'slipway' }, usage: 'server', hosts: [...new Set([...serverHosts(), ...(options.hosts ?? [])])] },
      apps: { subject: { commonName: `*.${appsDomain}` }, usage: 'server', hosts: [`*.${appsDomain}`, appsDomain] },
      admin: { subject: { commonName: 'system:admin', organizations: ['system:masters'] }, usage: 'client' },
    };
  }

  get caCertificate(): string {
    return this.#pair('ca').certificate;
  }
  get server(): KeyPair {
    return this.#pair('server');
  }
  get apps(): KeyPair {
    return this.#pair('apps');
  }
  get admin(): KeyPair {
    return this.#pair('admin');
  }
  get serviceAccountKey(): string {
    return this.#serviceAccountKey;
  }

  issueClient(user: string, groups: readonly string[]): KeyPair {
    return this.#issue({ subject: { commonName: user, organizations: groups }, usage: 'client' });
  }

  issueServer(hosts: readonly string[]): KeyPair {
    return this.#issue({ subject: { commonName: hosts[0] ?? 'slipway' }, usage: 'server', hosts });
  }

  async renew(): Promise<string[]> {
    const changed: string[] = [];
    if (await this.#renewCa()) changed.push('ca');
    for (const [name, leaf] of Object.entries(this.#leaves)) {
      const kept = this.#pairs.get(name) ?? (await this.#load(name));
      if (kept && this.#isGood(kept, leaf)) {
        this.#pairs.set(name, kept);
        continue;
      }
      await this.#keep(name, this.#issue(leaf));
      changed.push(name);
    }
    if (!this.#serviceAccountKey) this.#serviceAccountKey = await this.#loadServiceAccountKey();
    return changed;
  }

  async #renewCa(): Promise<boolean> {
    const kept = this.#pairs.get('ca') ?? (await this.#load('ca'));
    if (kept && this.#left(kept) > leafLife) {
      this.#pairs.set('ca', kept);
      this.#caKey ??= createPrivateKey(kept.key);
      return false;
    }
    const key = newKey();
    const notBefore = this.#now() - backdate;
    // The name tells authorities of several platforms apart in a browser's list.
    const subject = { commonName: `slipway-ca@${Math.floor(this.#now() / 1000)}` };
    const certificate = issueCertificate({
      subject, issuer: subject, key, signer: key, usage: 'ca', notBefore: new Date(notBefore), notAfter: new Date(notBefore + caLife),
    });
    this.#caKey = key;
    await this.#keep('ca', { certificate, key: keyToPem(key) });
    return true;
  }

  #issue(leaf: Leaf): KeyPair {
    if (!this.#caKey) throw new Error('the certificate authority is not open');
    const key = newKey();
    const authority = new X509Certificate(this.caCertificate);
    const issuer = { commonName: /^CN=(.*)$/m.exec(authority.subject)?.[1] ?? '' };
    const notBefore = this.#now() - backdate;
    return {
      certificate: issueCertificate({ ...leaf, issuer, key, signer: this.#caKey, notBefore: new Date(notBefore), notAfter: new Date(notBefore + leafLife) }),
      key: keyToPem(key),
    };
  }

  #isGood(pair: KeyPair, leaf: Leaf): boolean {
    const certificate = new X509Certificate(pair.certificate);
    const authority = new X509Certificate(this.caCertificate);
    const names = certificate.subjectAltName ?? '';
    return (
      this.#left(pair) > renewBefore && certificate.checkIssued(authority) && certificate.verify(authority.publicKey) &&
      hostsOf(names).sort().join() === [...(leaf.hosts ?? [])].sort().join()
    );
  }

  #left(pair: KeyPair): number {
    return new X509Certificate(pair.certificate).validToDate.getTime() - this.#now();
  }

  #now(): number {
    return this.#clock.now().getTime();
  }

  #pair(name: string): KeyPair {
    const pair = this.#pairs.get(name);
    if (!pair) throw new Error(`the certificate ${name} is not open`);
    return pair;
  }

  /** The key is written last: without it the pair counts as missing. */
  async #keep(name: string, pair: KeyPair): Promise<void> {
    await writePrivateFile(this.#path(`${name}.crt`), pair.certificate);
    await writePrivateFile(this.#path(`${name}.key`), pair.key);
    this.#pairs.set(name, pair);
  }

  /** A pair that is absent or half written is undefined; the authority's only while nothing was issued under it. */
  async #load(name: string): Promise<KeyPair | undefined> {
    const [certificate, key] = await Promise.all([this.#read(`${name}.crt`), this.#read(`${name}.key`)]);
    if (certificate === undefined || key === undefined) {
      if (name === 'ca' && (await this.#read('server.crt')) !== undefined) throw new PkiDamaged(this.#path('ca.key'), 'ca.key or ca.crt is missing, but certificates were issued under it');
      return undefined;
    }
    try {
      if (new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) return { certificate, key };
    } catch (error) {
      if (name === 'ca') throw new PkiDamaged(this.#path(`${name}.key`), error instanceof Error ? error.message : String(error));
    }
    // A leaf is made again; an authority must not change silently under those who trust it.
    if (name === 'ca') throw new PkiDamaged(this.#path('ca.key'), 'it does not belong to ca.crt');
    return undefined;
  }

  async #loadServiceAccountKey(): Promise<string> {
    const file = 'service-account.key';
    const kept = await this.#read(file);
    if (kept === undefined) {
      const made = keyToPem(newKey());
      await writePrivateFile(this.#path(file), made);
      return made;
    }
    try {
      createPrivateKey(kept);
      return kept;
    } catch (error) {
      throw new PkiDamaged(this.#path(file), error instanceof Error ? error.message : String(error));
    }
  }

  async #read(file: string): Promise<string | undefined> {
    try {
      return await readFile(this.#path(file), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #path(file: string): string {
    return join(this.#directory, file);
  }
}

/** Under these the API server and the registry are reached on this machine, from pods, and by image references. */
function serverHosts(): string[] {
  const service = (name: string, project: string) => [`${name}.${project}`, `${name}.${project}.svc`, `${name}.${project}.svc.${clusterDomain}`];
  const { api, registry } = systemServices;
  return [
    'localhost', '127.0.0.1', '::1', 'host.slipway.internal', api.name, ...service(api.name, systemProject), systemAddresses.api, ...service(registry.name, systemProject),
    systemAddresses.registry,
  ];
}

/** `DNS:a, IP Address:10.0.0.1` as Node prints it; addresses of version 6 come in its long form and are brought back to the short one. */
function hostsOf(names: string): string[] {
  return names.split(', ').filter(Boolean).map((one) => one.replace(/^(DNS|IP Address):/, '')).map((host) => (host.includes(':') ? shortAddress(host) : host));
}

function shortAddress(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}
