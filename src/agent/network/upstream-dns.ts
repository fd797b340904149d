/** Asks this machine's resolvers through the egress socket: one stream, many questions. */
import type { Duplex } from 'node:stream';
import { decode, encode, RECURSION_DESIRED } from 'dns-packet';
import { dialThroughProxy } from '../../oci/registry-connection.ts';
import { DnsFrames, frame } from './dns-relay.ts';
import { dnsRelayName } from './names.ts';

/** Questions under way; more are not asked. */
const pendingLimit = 512;
const answerLimit = 6000;

export class UpstreamDns {
  readonly #dial: () => Promise<Duplex>;
  readonly #pending = new Map<number, { id: number; done(answer: Buffer | undefined): void }>();
  #stream: Promise<Duplex> | undefined;
  #next = 0;

  constructor(egressSocket: string) {
    const dial = dialThroughProxy({ socketPath: egressSocket });
    this.#dial = () => dial({ host: dnsRelayName, port: 53 });
  }

  /** The answer with the question's own number, or undefined. */
  async ask(query: Buffer): Promise<Buffer | undefined> {
    if (this.#pending.size >= pendingLimit) return undefined;
    let stream: Duplex;
    try {
      stream = await (this.#stream ??= this.#open());
    } catch {
      return undefined;
    }
    // Different clients use the same numbers.
    do this.#next = (this.#next + 1) & 0xffff;
    while (this.#pending.has(this.#next));
    const own = this.#next;
    return new Promise((resolve) => {
      const done = (answer: Buffer | undefined) => {
        clearTimeout(timer);
        this.#pending.delete(own);
        resolve(answer);
      };
      const timer = setTimeout(() => done(undefined), answerLimit);
      this.#pending.set(own, { id: query.readUInt16BE(0), done });
      const sent = Buffer.from(query);
      sent.writeUInt16BE(own, 0);
      stream.write(frame(sent));
    });
  }

  /** IPv4 addresses of a name; none if nobody knows it. */
  async addresses(name: string): Promise<string[]> {
    const answer = await this.ask(encode({ type: 'query', id: 1, flags: RECURSION_DESIRED, questions: [{ type: 'A', name, class: 'IN' }] }));
    try {
      return answer ? (decode(answer).answers ?? []).flatMap((one) => (one.type === 'A' ? [one.data] : [])) : [];
    } catch {
      return [];
    }
  }

  close(): void {
    void this.#stream?.then((stream) => stream.destroy(), () => undefined);
  }

  async #open(): Promise<Duplex> {
    try {
      const stream = await this.#dial();
      const reader = new DnsFrames((answer) => {
        const waiting = this.#pending.get(answer.readUInt16BE(0));
        if (!waiting) return;
        answer.writeUInt16BE(waiting.id, 0);
        waiting.done(answer);
      });
      stream.on('data', (chunk: Buffer) => reader.push(chunk));
      stream.on('error', () => undefined);
      stream.once('close', () => {
        this.#stream = undefined;
        for (const { done } of [...this.#pending.values()]) done(undefined);
      });
      return stream;
    } catch (error) {
      this.#stream = undefined;
      throw error;
    }
  }
}
