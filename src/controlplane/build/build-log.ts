/** `builds/log`: waits for the build pod, then gives its log without the lines that carry progress. */
import { PassThrough, Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buildAnnotations, builds, finishedPhases, type Build } from '../../api/kinds/build.ts';
import { pods } from '../../api/kinds/core.ts';
import { badRequest, isStatusError, notFound, timeout } from '../../api/status.ts';
import { delay, type Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import { ifFound } from '../../client/if-found.ts';
import { progressMark } from '../../protocol/build-progress.ts';
import type { RequestContext } from '../kernel/apiserver/kind.ts';
import { buildPodName } from './build-names.ts';
import { buildContainer } from './build-pod-contract.ts';
import type { PodAccess } from './pod-access.ts';

/** As long as the real server waits for the pod of a build. */
const longestWait = 10_000;
const lookAgain = 100;
const passedOn = ['follow', 'timestamps', 'tailLines', 'sinceSeconds', 'sinceTime', 'limitBytes'];

export async function buildLog(client: Client, access: PodAccess, clock: Clock, context: RequestContext): Promise<Readable> {
  const { namespace = '', name = '', query, signal } = context;
  const build = await waitForPod(client, clock, context);
  if (!build) return Readable.from([]);
  const pod = build.metadata.annotations?.[buildAnnotations.podName] ?? buildPodName(name);
  const asked = new URLSearchParams();
  for (const key of passedOn) if (query.has(key)) asked.set(key, query.get(key) ?? '');
  const log = await access.log(namespace, pod, buildContainer(build.spec.strategy), asked, signal).catch((error: unknown) => {
    if (isStatusError(error, 'NotFound')) throw notFound(pods, pod);
    throw error;
  });
  const out = new PassThrough();
  pipeline(log, withoutProgress(), out).catch((error: Error) => out.destroy(error));
  return out;
}

/** The build once its pod has run or runs; nothing for a request that does not want to wait. */
async function waitForPod(client: Client, clock: Clock, { namespace = '', name = '', query, signal }: RequestContext): Promise<Build | undefined> {
  const follow = query.get('follow') === 'true';
  const end = clock.now().getTime() + longestWait;
  for (;;) {
    const build = await client.get<Build>(builds, { namespace, name });
    const { phase, message } = build.status;
    if (phase === 'Error' || (phase === 'Cancelled' && !(await hasPod(client, build)))) throw badRequest(`build ${namespace}/${name} has no log: ${message ?? phase}`);
    if (phase === 'Running' || finishedPhases.includes(phase)) return build;
    if (query.get('nowait') === 'true') return undefined;
    // A follower of a build that waits for another one would be sent away for nothing.
    if (!follow && clock.now().getTime() > end) throw timeout(`timed out waiting for build ${name} to start after 10s`);
    await delay(clock, lookAgain, signal);
  }
}

async function hasPod(client: Client, build: Build): Promise<boolean> {
  const { namespace, name } = build.metadata;
  return (await ifFound(client.get(pods, { namespace, name: buildPodName(name) }))) !== undefined;
}

/** Lines with the mark are left out, with or without a time in front. */
export function withoutProgress(): Transform {
  const marked = new RegExp(`^(?:\\d{4}-\\S+ )?${progressMark}`);
  let rest = '';
  return new Transform({
    decodeStrings: false,
    transform(chunk: Buffer | string, _encoding, done) {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      const kept = lines.filter((line) => !marked.test(line));
      done(null, kept.length > 0 ? `${kept.join('\n')}\n` : undefined);
    },
    flush(done) {
      done(null, rest !== '' && !marked.test(rest) ? rest : undefined);
    },
  });
}

