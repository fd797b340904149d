/** What a Custom build tells, whose builder is the user's own: seen from its pod and from the stream it pushes to. Pure. */
import type { Build } from '../../api/kinds/build.ts';
import type { Pod } from '../../api/kinds/core.ts';
import type { StepProgress } from '../../protocol/build-progress.ts';
import type { StreamLookup } from './image-resolver.ts';

export function customTold(build: Build, pod: Pod | undefined, now: Date): StepProgress[] {
  if (!build.spec.strategy.customStrategy || !pod) return [];
  const state = pod.status?.containerStatuses?.[0]?.state;
  const startedAt = state?.running?.startedAt ?? state?.terminated?.startedAt ?? (pod.status?.phase === 'Running' ? now.toISOString() : undefined);
  if (startedAt === undefined || startedAt === null) return [];
  const started: StepProgress = { step: 'BuilderStarted', state: 'done', startedAt, finishedAt: startedAt };
  const finishedAt = state?.terminated?.finishedAt ?? undefined;
  const failed = pod.status?.phase === 'Failed';
  return [started, { step: 'CustomBuild', startedAt, ...(finishedAt === undefined ? { state: 'running' } : { state: failed ? 'failed' : 'done', finishedAt }) }];
}

/** What the output's tag leads to, if that came after the build began. */
export function pushedDigest({ spec, status, metadata }: Build, streams: StreamLookup): string | undefined {
  const to = spec.output?.to;
  if (!spec.strategy.customStrategy || to?.kind !== 'ImageStreamTag' || !to.name) return undefined;
  const [name = '', tag = 'latest'] = to.name.split(':');
  const latest = streams(to.namespace ?? metadata.namespace ?? '', name)?.status?.tags?.find((one) => one.tag === tag)?.items?.[0];
  const since = status.startTimestamp ?? metadata.creationTimestamp;
  return latest && (!since || Date.parse(latest.created) >= Date.parse(since)) ? latest.image : undefined;
}
