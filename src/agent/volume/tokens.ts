/** Service account tokens bound to pods, from TokenRequest, renewed before they run out. */
import { serviceAccounts, type Pod } from '../../api/kinds/core.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import { Emitter } from '../../base/emitter.ts';
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

/** A machine that slept does not count the time: the clock is looked at this often. */
const longestWaitMs = 60_000;

export class TokenSource implements Disposable {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #tokens = new Map<string, Map<string, Promise<Token>>>();
  /** When the earliest token of a pod is due, ms. */
  readonly #due = new Map<string, number>();
  readonly #dues = new Emitter<string>();
  #timer: { at: number; timer: Disposable } | undefined;

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
    if (known && this.#clock.now().getTime() < known.renewAt) {
      this.#expect(uid, known.renewAt);
      return known.token;
    }
    const asked = this.#ask(pod, request);
    ofPod.set(key, asked);
    try {
      const { token, renewAt } = await asked;
      if (this.#tokens.get(uid) === ofPod) this.#expect(uid, renewAt);
      return token;
    } catch (error) {
      ofPod.delete(key);
      throw error;
    }
  }

  /** Called with the uid of a pod one of whose tokens is to be renewed: `token` gives a new one then. */
  onDue(listener: (uid: string) => void): Disposable {
    return this.#dues.on(listener);
  }

  release(uid: string): void {
    this.#tokens.delete(uid);
    this.#due.delete(uid);
  }

  dispose(): void {
    void this.#timer?.timer.dispose();
    this.#due.clear();
  }

  #expect(uid: string, renewAt: number): void {
    this.#due.set(uid, Math.min(this.#due.get(uid) ?? Infinity, renewAt));
    this.#wait();
  }

  #wait(): void {
    const now = this.#clock.now().getTime();
    const next = Math.min(...this.#due.values(), now + longestWaitMs);
    if (this.#due.size === 0 || (this.#timer && this.#timer.at <= next)) return;
    void this.#timer?.timer.dispose();
    const timer = this.#clock.after(next - now, () => {
      this.#timer = undefined;
      const reached = this.#clock.now().getTime();
      for (const [uid, at] of [...this.#due]) {
        if (at > reached) continue;
        this.#due.delete(uid);
        this.#dues.fire(uid);
      }
      this.#wait();
    });
    this.#timer = { at: next, timer };
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
