/** What a build config's triggers and history limits ask for. Pure. */
import { buildAnnotations, finishedPhases, strategyFrom, type Build, type BuildConfig, type BuildRequest, type BuildTriggerCause } from '../../api/kinds/build.ts';
import { dueImageChange, sameTag, watchedTags, type ImageChange } from './image-change.ts';
import { resolveImage, type StreamLookup } from './image-resolver.ts';
import { isPaused } from './instantiate-plan.ts';

/** The build to start, if one is due. Its `lastVersion` makes it void if somebody else was faster. */
export function dueBuild(config: BuildConfig, streams: StreamLookup): BuildRequest | undefined {
  const { metadata, spec, status } = config;
  if (metadata.deletionTimestamp || isPaused(config)) return undefined;
  // Nothing can be built before its source is sent.
  if (spec.source?.binary && spec.source.dockerfile === undefined && !spec.source.images?.length) return undefined;
  const lastVersion = status?.lastVersion ?? 0;
  const request = { apiVersion: 'build.openshift.io/v1', kind: 'BuildRequest', metadata: { name: metadata.name }, lastVersion };
  if (lastVersion === 0 && hasConfigChange(config) && !waitsForImage(config, streams)) return { ...request, triggeredBy: [{ message: 'Build configuration change' }] };
  const change = dueImageChange(config, streams);
  return change && { ...request, triggeredByImage: { kind: 'DockerImage', name: change.image }, from: change.from, triggeredBy: [imageCause(change)] };
}

function hasConfigChange({ spec }: BuildConfig): boolean {
  return spec.triggers?.some((trigger) => trigger.type === 'ConfigChange') ?? false;
}

/** The image to start from is not there yet, and a trigger will tell when it is: another build may be making it. */
function waitsForImage(config: BuildConfig, streams: StreamLookup): boolean {
  const namespace = config.metadata.namespace ?? '';
  const from = strategyFrom(config.spec.strategy);
  return from?.kind === 'ImageStreamTag' && !resolveImage(from, namespace, streams) && watchedTags(config).some((watching) => !watching.imageChange.paused && sameTag(watching.from, from, namespace));
}

function imageCause({ from, image }: ImageChange): BuildTriggerCause {
  return { message: 'Image change', imageChangeBuild: { imageID: image, fromRef: from } };
}

/** The newest build of this very config that it has no note of: the control plane ended after it was made. */
export function unnotedBuild({ metadata, status }: BuildConfig, builds: readonly Build[]): { number: number; build: Build } | undefined {
  const own = builds.filter((one) => one.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid)).map((build) => ({ number: numberOf(build), build }));
  const newest = own.sort((a, b) => b.number - a.number)[0];
  return newest && newest.number > (status?.lastVersion ?? 0) ? newest : undefined;
}

function numberOf({ metadata }: Build): number {
  return Number(metadata.annotations?.[buildAnnotations.number] ?? 0);
}

/** Finished builds beyond the limits, oldest first out. */
export function surplusBuilds(config: BuildConfig, builds: readonly Build[]): Build[] {
  const newestFirst = [...builds].sort((a, b) => (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '') || numberOf(b) - numberOf(a));
  const finished = newestFirst.filter((one) => finishedPhases.includes(one.status.phase));
  const beyond = (limit: number | undefined, wanted: (build: Build) => boolean) => (limit === undefined ? [] : finished.filter(wanted).slice(limit));
  return [
    ...beyond(config.spec.successfulBuildsHistoryLimit, (one) => one.status.phase === 'Complete'),
    ...beyond(config.spec.failedBuildsHistoryLimit, (one) => one.status.phase !== 'Complete'),
  ];
}
