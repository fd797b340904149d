/** Logs and standard streams of pods for other stages, which declare what they need and are handed this. */
import { Duplex, type Readable } from 'node:stream';
import { mirrorAnnotation } from '../../api/pod.ts';
import { channel } from '../../protocol/agent.ts';
import { frameReader, frames } from '../../protocol/agent-frames.ts';
import type { Reader } from '../kernel/store/store.ts';
import { agentGet, agentStream, socketOf } from './agent-client.ts';
import { chooseContainer } from './container-choice.ts';
import type { MirrorPods } from './mirror-pods.ts';
import { podNamed } from './pod-lookup.ts';

export class PodAccess {
  readonly #store: Reader;
  readonly #mirrors: MirrorPods;

  constructor(store: Reader, mirrors: MirrorPods) {
    this.#store = store;
    this.#mirrors = mirrors;
  }

  /** The text of `pods/log` with that query; ends with the log, or when the signal aborts. */
  async log(namespace: string, pod: string, container: string | undefined, query: URLSearchParams, signal: AbortSignal): Promise<Readable> {
    const found = podNamed(this.#store, namespace, pod);
    if (found.metadata.annotations?.[mirrorAnnotation] !== undefined) return this.#mirrors.log(found, query, signal);
    const chosen = chooseContainer(found, container ?? null);
    return agentGet(socketOf(this.#store, found), `/logs/${namespace}/${pod}/${chosen}?${query.toString()}`, signal);
  }

  /** The container's standard streams: writing goes to its input, ending ends that; reading gives what it prints. */
  async attach(namespace: string, pod: string, container: string, signal: AbortSignal): Promise<Duplex> {
    const found = podNamed(this.#store, namespace, pod);
    const agent = await agentStream(socketOf(this.#store, found), `/attach/${namespace}/${pod}/${container}?tty=false&stdin=true`, signal);
    return standardStreams(agent);
  }
}

function standardStreams(agent: Duplex): Duplex {
  const streams = new Duplex({
    read: () => void agent.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      if (agent.write(frames(channel.stdin, chunk))) done();
      else agent.once('drain', () => done());
    },
    final: (done) => {
      agent.write(frames(channel.stdinEnd, Buffer.alloc(0)), () => done());
    },
    destroy: (error, done) => {
      agent.destroy();
      done(error);
    },
  });
  const read = frameReader((id, payload) => {
    if (id !== channel.stdout && id !== channel.stderr) return;
    if (!streams.push(Buffer.from(payload))) agent.pause();
  });
  agent.on('data', (chunk: Buffer) => {
    try {
      read(chunk);
    } catch (error) {
      streams.destroy(error as Error);
    }
  });
  agent.on('end', () => streams.push(null));
  agent.on('error', (error) => streams.destroy(error));
  return streams;
}
