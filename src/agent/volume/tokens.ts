/** Service account tokens bound to pods, from TokenRequest, renewed before they run out. */
import { serviceAccounts, type Pod } from '../../api/kinds/core.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import type { TokenRequest } from './volume-files.ts';

interface Token {
  token: string;
  /** ms; ask for a new one from then on. */
  renewAt: number;
}

interface TokenReview extends KubeObject {
  spec: { audiences?: string[]; expirationSeconds: number; boundObjectRef: { apiVersion: string; kind: string; name: string; uid: string } };
  status?: { token: string; expirationTimestamp: string };
}

/** Renewed after four fifths of its life, at the latest after a day (the kubelet's rule). */
const renewAfter = 0.8;
const longestMs = 24 * 3600_000;

export class TokenSource {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #tokens = new Map<string, Map<string, Promise<Token>>>();

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  async token(pod: Pod, request: TokenRequest): Promise<string> {
    const uid = pod.metadata.uid ?? '';
    const ofPod = this.#tokens.get(uid) ?? new Map<string, Promise<Token>>();
    this.#tokens.set(uid, ofPod);
    const key = `${request.audience ?? ''} ${request.expirationSeconds}`;
    const known = await ofPod.get(key)?.catch(() => undefined);
    if (known && this.#clock.now().getTime() < known.renewAt) return known.token;
    const asked = this.#ask(pod, request);
    ofPod.set(key, asked);
    try {
      return (await asked).token;
    } catch (error) {
      ofPod.delete(key);
      throw error;
    }
  }

  release(uid: string): void {
    this.#tokens.delete(uid);
  }

  async #ask(pod: Pod, { audience, expirationSeconds }: TokenRequest): Promise<Token> {
    const { name, namespace, uid = '' } = pod.metadata;
    const body: TokenReview = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: { name: '' },
      spec: { ...(audience && { audiences: [audience] }), expirationSeconds, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } },
    };
    const asked = this.#clock.now().getTime();
    const answer = await this.#client.create<KubeObject, TokenReview>(serviceAccounts, body, { namespace, name: pod.spec.serviceAccountName || 'default', subresource: 'token' });
    const { token, expirationTimestamp } = answer.status ?? { token: '', expirationTimestamp: '' };
    const life = Date.parse(expirationTimestamp) - asked;
    return { token, renewAt: asked + Math.min((Number.isFinite(life) ? life : expirationSeconds * 1000) * renewAfter, longestMs) };
  }
}
