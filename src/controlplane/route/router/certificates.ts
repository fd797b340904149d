/** Secure contexts by server name, made once from PEM and kept until the route changes. */
import { createSecureContext, type SecureContext } from 'node:tls';
import type { RouterRoute } from '../../../protocol/router.ts';
import { identityOf } from '../data-plane/identity.ts';

/** What a client is shown, and what it may speak then. */
export interface Identity {
  context: SecureContext;
  http2: boolean;
}

export class Certificates {
  readonly #default: Identity;
  readonly #exact = new Map<string, Identity>();
  readonly #wildcard = new Map<string, Identity>();
  /** By route key: the material a context was made from. */
  readonly #made = new Map<string, { material: string; context: SecureContext | undefined }>();

  constructor(fallback: { certificate: string; key: string }) {
    this.#default = { context: createSecureContext({ cert: fallback.certificate, key: fallback.key }), http2: false };
  }

  /** Takes the certificates of `routes`; `reject` hears of those that cannot be used. */
  apply(routes: readonly RouterRoute[], reject: (key: string, message: string) => void): void {
    this.#exact.clear();
    this.#wildcard.clear();
    const seen = new Set<string>();
    for (const route of routes) {
      const { tls } = route;
      if (!tls?.certificate || !tls.key || tls.termination === 'passthrough') continue;
      seen.add(route.key);
      const context = this.#context(route.key, tls.certificate, tls.key, reject);
      if (!context) continue;
      const map = route.wildcard ? this.#wildcard : this.#exact;
      if (!map.has(route.host)) map.set(route.host, { context, http2: tls.http2 === true });
    }
    for (const key of this.#made.keys()) if (!seen.has(key)) this.#made.delete(key);
  }

  find(serverName: string): Identity {
    const name = serverName.toLowerCase();
    return this.#exact.get(name) ?? this.#wildcard.get(name.slice(name.indexOf('.') + 1)) ?? this.#default;
  }

  #context(key: string, certificate: string, privateKey: string, reject: (key: string, message: string) => void): SecureContext | undefined {
    const material = `${certificate}\n${privateKey}`;
    const known = this.#made.get(key);
    if (known?.material === material) return known.context;
    let context: SecureContext | undefined;
    try {
      context = identityOf(certificate, privateKey);
    } catch (error) {
      reject(key, `The certificate or key of the route cannot be used: ${(error as Error).message}`);
    }
    this.#made.set(key, { material, context });
    return context;
  }
}
