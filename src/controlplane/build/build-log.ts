/** `builds/log`: waits for the build pod, then gives its log without the lines that carry progress. */
import { PassThrough, Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buildAnnotations, builds, finishedPhases, type Build } from '../../api/kinds/build.ts';
import { pods } from '../../api/kinds/core.ts';
import { badRequest, invalid, invalidValue, isStatusError, notFound, timeout, type FieldError } from '../../api/status.ts';
import { delay, type Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import { progressMark } from '../../protocol/build-progress.ts';
import type { RequestContext } from '../kernel/apiserver/kind.ts';
import { buildName, buildPodName } from './build-names.ts';
import { buildContainer } from './build-pod-contract.ts';
import type { PodAccess } from './pod-access.ts';

/** As long as the real server waits for a build to start. */
const longestWait = 30_000;
const passedOn = ['follow', 'timestamps', 'tailLines', 'sinceSeconds', 'sinceTime', 'limitBytes'];
const nothingThere = 'No logs are available.';

export async function buildLog(client: Client, access: PodAccess, clock: Clock, context: RequestContext): Promise<Readable> {
  const { namespace = '', query, signal } = context;
  refuseOptions(query);
  const name = isTrue(query.get('previous')) ? await previousOf(client, namespace, context.name ?? '') : (context.name ?? '');
  const build = await startedBuild(client, clock, { namespace, name }, { wait: !isTrue(query.get('nowait')), follow: isTrue(query.get('follow')), signal });
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

/** `version` is for clients, who make the build's name with it (openshift-apiserver ValidateBuildLogOptions). */
function refuseOptions(query: URLSearchParams): void {
  const version = query.get('version');
  if (version === null) return;
  const errors: FieldError[] = [];
  if (!/^[1-9]\d*$/.test(version)) errors.push(invalidValue('version', Number(version), 'build version must be greater than 0'));
  if (isTrue(query.get('previous'))) errors.push(invalidValue('previous', true, 'cannot use previous when a version is specified'));
  if (errors.length > 0) throw invalid({ group: builds.group, kind: 'BuildLogOptions' }, '', errors);
}

async function previousOf(client: Client, namespace: string, name: string): Promise<string> {
  const { metadata, status } = await client.get<Build>(builds, { namespace, name });
  const config = metadata.annotations?.[buildAnnotations.buildConfig] ?? status.config?.name ?? '';
  return buildName(config, Number(metadata.annotations?.[buildAnnotations.number] ?? 0) - 1);
}

/** The build once its pod has run or runs; nothing for a request that does not want to wait. A follower waits for ever: its build may wait for another one. */
async function startedBuild(client: Client, clock: Clock, at: { namespace: string; name: string }, { wait, follow, signal }: { wait: boolean; follow: boolean; signal: AbortSignal }): Promise<Build | undefined> {
  const build = await client.get<Build>(builds, at);
  if (isStarted(build)) return build;
  if (!wait) return undefined;
  const limit = new AbortController();
  const stop = AbortSignal.any([signal, limit.signal]);
  if (!follow) delay(clock, longestWait, stop).then(() => limit.abort(), () => undefined);
  const watch = client.watch(builds, { namespace: at.namespace, fieldSelector: `metadata.name=${at.name}`, resourceVersion: build.metadata.resourceVersion ?? '', signal: stop });
  try {
    for await (const { type, object } of watch) {
      if (type === 'DELETED') throw notFound(builds, at.name);
      if (type === 'MODIFIED' && isStarted(object)) return object;
    }
  } finally {
    watch.dispose();
    limit.abort();
  }
  if (signal.aborted) return undefined;
  throw timeout(`timed out waiting for build ${at.name} to start after ${longestWait / 1000}s`);
}

/** Throws 400 for a build that has no log and will have none. */
function isStarted({ metadata: { name }, status: { phase, message } }: Build): boolean {
  if (phase === 'Cancelled') throw badRequest(`build ${name} was cancelled. ${nothingThere}`);
  if (phase === 'Error') throw badRequest(`build ${name} is in an error state. ${nothingThere}${message ? ` ${message}` : ''}`);
  return phase === 'Running' || finishedPhases.includes(phase);
}

const isTrue = (value: string | null) => value === 'true' || value === '1';

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

