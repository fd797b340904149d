/** Speaks protocol/agent.ts to the agent of a node, over the unix socket that the node's annotation names. */
import { request, type IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { nodes, type Node, type Pod } from '../../api/kinds/core.ts';
import { badRequest, internalError, notFound, serviceUnavailable, StatusError, type Status } from '../../api/status.ts';
import { agentSocketAnnotation, agentUpgrade } from '../../protocol/agent.ts';
import type { StatsSummary } from '../../protocol/stats.ts';
import type { Reader } from '../kernel/store/store.ts';
import { nodeNamed } from './pod-lookup.ts';

/** An agent answers from this machine: longer means it hangs. */
const connectMs = 10_000;

/**
 * What a node and its pods use, as its agent measures it when asked (`/stats/summary`): the source of `metrics.k8s.io`. `cpu.usageNanoCores` is the rate of the last moments and
 * `memory.workingSetBytes` what a metrics server reports; pods without a running container are not in it. Asking again within a second costs the agent nothing,
 * the first ask after a minute of silence takes half a second. Rejects with `ServiceUnavailable` where the node has no agent or it does not answer.
 */
export async function nodeSummary(store: Reader, nodeName: string, signal: AbortSignal): Promise<StatsSummary> {
  const node = nodeNamed(store, nodeName);
  if (!node) throw notFound(nodes, nodeName);
  const chunks: Buffer[] = [];
  for await (const chunk of await agentGet(agentSocketOf(node), '/stats/summary', signal)) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as StatsSummary;
}

export function agentSocketOf(node: Node): string {
  const socket = node.metadata.annotations?.[agentSocketAnnotation];
  if (!socket) throw serviceUnavailable(`the node "${node.metadata.name}" has no agent of this platform (annotation ${agentSocketAnnotation} is missing)`);
  return socket;
}

export function socketOf(store: Reader, pod: Pod): string {
  const { nodeName } = pod.spec;
  if (!nodeName) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  const node = nodeNamed(store, nodeName);
  if (!node) throw serviceUnavailable(`the node "${nodeName}" of pod ${pod.metadata.name} is gone`);
  return agentSocketOf(node);
}

/** The body of a GET; a refusal of the agent becomes the `StatusError` it carries. */
export function agentGet(socketPath: string, path: string, signal: AbortSignal): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, signal, agent: false }, (response) => {
      outgoing.setTimeout(0);
      if (response.statusCode === 200) resolve(response);
      else void refusal(response).then(reject);
    });
    outgoing.setTimeout(connectMs, () => outgoing.destroy(new Error('it does not answer')));
    outgoing.once('error', (error) => reject(unreachable(socketPath, error)));
    outgoing.end();
  });
}

/** An upgraded connection, with what came with the answer put back in front. */
export function agentStream(socketPath: string, path: string, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, agent: false, headers: { Connection: 'Upgrade', Upgrade: agentUpgrade } });
    const abort = () => outgoing.destroy();
    signal.addEventListener('abort', abort, { once: true });
    outgoing.setTimeout(connectMs, () => outgoing.destroy(new Error('it does not answer')));
    outgoing.once('upgrade', (_response, socket, head) => {
      signal.removeEventListener('abort', abort);
      outgoing.setTimeout(0);
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    outgoing.once('response', (response) => void refusal(response).then(reject));
    outgoing.once('error', (error) => reject(unreachable(socketPath, error)));
    outgoing.end();
  });
}

async function refusal(response: IncomingMessage): Promise<StatusError> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  try {
    return StatusError.from(JSON.parse(text) as Status);
  } catch {
    return internalError(text || `the agent answered ${response.statusCode}`);
  }
}

function unreachable(socket: string, error: Error): StatusError {
  return serviceUnavailable(`the node's agent cannot be reached at ${socket}: ${error.message}`);
}
