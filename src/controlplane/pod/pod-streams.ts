/** `pods/exec`, `pods/attach`, `pods/portforward`: the client's channels joined to the agent's frames. */
import type { Duplex } from 'node:stream';
import type { Pod } from '../../api/kinds/core.ts';
import { mirrorAnnotation } from '../../api/pod.ts';
import { badRequest } from '../../api/status.ts';
import { channel } from '../../protocol/agent.ts';
import { frameReader, frames, jsonFrame } from '../../protocol/agent-frames.ts';
import type { RemoteCommand, RequestContext, Subresource } from '../kernel/apiserver/kind.ts';
import type { Reader } from '../kernel/store/store.ts';
import { agentStream, socketOf } from './agent-client.ts';
import { chooseContainer } from './container-choice.ts';
import { podNamed } from './pod-lookup.ts';

export function commandSubresource(store: Reader, verb: 'exec' | 'attach'): Subresource {
  return {
    type: 'stream',
    kind: verb === 'exec' ? 'PodExecOptions' : 'PodAttachOptions',
    protocol: 'remotecommand',
    async run(context, session) {
      const pod = runningPod(store, context, verb);
      const container = chooseContainer(pod, context.query.get('container'));
      const query = new URLSearchParams({ tty: String(session.tty), stdin: String(session.stdin !== undefined) });
      if (verb === 'exec') {
        const command = context.query.getAll('command');
        if (command.length === 0) throw badRequest('you must specify at least one command for the container');
        for (const word of command) query.append('command', word);
      }
      const { namespace = '', name } = pod.metadata;
      const agent = await agentStream(socketOf(store, pod), `/${verb}/${namespace}/${name}/${container}?${query.toString()}`, context.signal);
      await join(session, agent, context.signal, verb);
    },
  };
}

export function portForwardSubresource(store: Reader): Subresource {
  return {
    type: 'stream',
    kind: 'PodPortForwardOptions',
    protocol: 'portforward',
    async run(context, port): Promise<Duplex> {
      const pod = runningPod(store, context, 'portforward');
      const { namespace = '', name } = pod.metadata;
      return agentStream(socketOf(store, pod), `/portforward/${namespace}/${name}?port=${port}`, context.signal);
    },
  };
}

function runningPod(store: Reader, context: RequestContext, verb: string): Pod {
  const pod = podNamed(store, context.namespace, context.name ?? '');
  if (pod.metadata.annotations?.[mirrorAnnotation] !== undefined) {
    throw badRequest(`pod ${pod.metadata.name} stands for a part of the platform itself, which runs in no container: ${verb} is not possible; its log is`);
  }
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') throw badRequest(`cannot ${verb} into a container in a completed pod; current phase is ${pod.status.phase}`);
  return pod;
}

/** Resolves when the agent has told the end, or the connection broke. A container that ends is no failure of those who looked on: its exit code is in the pod's status. */
function join(session: RemoteCommand, agent: Duplex, signal: AbortSignal, verb: 'exec' | 'attach'): Promise<void> {
  return new Promise((resolve) => {
    let told = false;
    const output = (to: NodeJS.WritableStream | undefined, payload: Buffer) => {
      if (!to?.writable || to.write(Buffer.from(payload))) return;
      agent.pause();
      to.once('drain', () => agent.resume());
    };
    const read = frameReader((id, payload) => {
      if (id === channel.stdout) output(session.stdout, payload);
      else if (id === channel.stderr) output(session.stderr ?? session.stdout, payload);
      else if (id === channel.exit) {
        told = true;
        const end = JSON.parse(payload.toString()) as { code: number } | { error: string };
        session.exit(verb === 'attach' && 'code' in end ? { code: 0 } : end);
      }
    });
    agent.on('data', (chunk: Buffer) => {
      try {
        read(chunk);
      } catch (error) {
        agent.destroy(error as Error);
      }
    });
    agent.on('error', () => undefined);
    agent.once('close', () => {
      if (!told) session.exit({ error: 'the connection to the node was lost; the container may still run' });
      resolve();
    });
    agent.once('end', () => agent.end());

    const { stdin } = session;
    stdin?.on('data', (chunk: Buffer) => {
      if (!agent.writable || agent.write(frames(channel.stdin, chunk))) return;
      stdin.pause();
      agent.once('drain', () => stdin.resume());
    });
    stdin?.once('end', () => agent.writable && agent.write(frames(channel.stdinEnd, Buffer.alloc(0))));
    stdin?.on('error', () => undefined);
    session.onResize((size) => agent.writable && agent.write(jsonFrame(channel.resize, size)));
    signal.addEventListener('abort', () => agent.destroy(), { once: true });
    if (signal.aborted) agent.destroy();
  });
}
