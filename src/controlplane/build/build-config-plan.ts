/** What a build config's triggers and history limits ask for. Pure. */
import { buildAnnotations, finishedPhases, type Build, type BuildConfig, type BuildRequest, type BuildTriggerCause } from '../../api/kinds/build.ts';
import { resolveImage, type StreamLookup } from './image-resolver.ts';
import { triggerSource } from './instantiate-plan.ts';

/** The build to start, if one is due. Its `lastVersion` makes it void if somebody else was faster. */
export function dueBuild(config: BuildConfig, streams: StreamLookup): BuildRequest | undefined {
  if (config.metadata.deletionTimestamp || config.metadata.annotations?.[buildAnnotations.paused] === 'true') return undefined;
  // Nothing can be built before its source is sent.
  if (config.spec.source?.binary) return undefined;
  const lastVersion = config.status?.lastVersion ?? 0;
  const cause = lastVersion === 0 && hasTrigger(config, 'ConfigChange') ? ({ message: 'Build configuration change' } satisfies BuildTriggerCause) : imageCause(config, streams, lastVersion);
  if (!cause) return undefined;
  return { apiVersion: 'build.openshift.io/v1', kind: 'BuildRequest', metadata: { name: config.metadata.name }, lastVersion, triggeredBy: [cause] };
}

function hasTrigger(config: BuildConfig, type: string): boolean {
  return config.spec.triggers?.some((trigger) => trigger.type === type) ?? false;
}

function imageCause(config: BuildConfig, streams: StreamLookup, lastVersion: number): BuildTriggerCause | undefined {
  for (const { type, imageChange } of config.spec.triggers ?? []) {
    if (type !== 'ImageChange' || imageChange?.paused) continue;
    const from = triggerSource(config, imageChange?.from);
    const image = resolveImage(from, config.metadata.namespace ?? '', streams);
    const seen = imageChange?.lastTriggeredImageID;
    if (!image || from?.kind === 'DockerImage' || image.pullSpec === seen) continue;
    // A config that was built before its trigger saw anything (by hand, from an older one) is not built for nothing.
    if (!seen && lastVersion > 0) continue;
    return { message: 'Image change', imageChangeBuild: { imageID: image.pullSpec, ...(from && { fromRef: from }) } };
  }
  return undefined;
}

/** Finished builds beyond the limits, oldest first out. */
export function surplusBuilds(config: BuildConfig, builds: readonly Build[]): Build[] {
  const newestFirst = [...builds].sort((a, b) => (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '') || Number(b.metadata.annotations?.[buildAnnotations.number] ?? 0) - Number(a.metadata.annotations?.[buildAnnotations.number] ?? 0));
  const finished = newestFirst.filter((one) => finishedPhases.includes(one.status.phase));
  const beyond = (limit: number | undefined, wanted: (build: Build) => boolean) => (limit === undefined ? [] : finished.filter(wanted).slice(limit));
  return [
    ...beyond(config.spec.successfulBuildsHistoryLimit, (one) => one.status.phase === 'Complete'),
    ...beyond(config.spec.failedBuildsHistoryLimit, (one) => one.status.phase !== 'Complete'),
  ];
}
