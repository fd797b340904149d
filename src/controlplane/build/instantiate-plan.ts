/** The build that a build config and a request make. Pure. */
import { withoutPassword } from '../../api/shown-url.ts';
import { copyJson } from '../../api/json.ts';
import { buildAnnotations, buildConfigs, buildLabels, strategyFrom, type Build, type BuildConfig, type BuildRequest, type BuildTriggerCause, type CommonBuildSpec } from '../../api/kinds/build.ts';
import { controllerReference, type ObjectReference, type Time } from '../../api/meta.ts';
import { badRequest, conflict, type StatusError } from '../../api/status.ts';
import { initialSteps, mergeStep, stepsAnnotation } from '../../protocol/build-progress.ts';
import { buildName, labelValue } from './build-names.ts';
import { override } from './build-overrides.ts';
import { noteImages, sameTag, type ImageChange } from './image-change.ts';
import { resolveImage, type StreamLookup } from './image-resolver.ts';

/** Annotation of a binary build: name of the file that holds its input until the build pod has taken it. */
export const inputAnnotation = 'slipway.dev/build-input';
/** Annotation: the builder image as the build config names it, kept when the spec is resolved to a digest. */
export const builderAnnotation = 'slipway.dev/builder';
export const manual: BuildTriggerCause = { message: 'Manually triggered' };

export interface Instantiation {
  /** The config with its next number and what its triggers have now seen. */
  config: BuildConfig;
  build: Build;
}

/** Why nothing may be built now, as an error for whoever asked. */
export function refusal(config: BuildConfig, request: BuildRequest): StatusError | undefined {
  const { name, namespace = '' } = config.metadata;
  const { source, strategy } = config.spec;
  if (config.metadata.deletionTimestamp) return conflict(buildConfigs, name, 'it is being deleted');
  if (isPaused(config)) return badRequest(`can't instantiate from BuildConfig ${namespace}/${name}: BuildConfig is paused`);
  const last = config.status?.lastVersion ?? 0;
  if (typeof request.lastVersion === 'number' && request.lastVersion !== last) return badRequest(`the LastVersion(${last}) on build config ${namespace}/${name} does not match the build request LastVersion(${request.lastVersion})`);
  if (strategy.jenkinsPipelineStrategy) return badRequest(`build config "${name}" is a Jenkins pipeline, which is not served; build with the Source or Docker strategy`);
  const change = changeOf(request);
  const seen = change && config.status?.imageChangeTriggers?.find((one) => sameTag(one.from, change.from, namespace));
  if (seen && seen.lastTriggeredImageID === change.image) return badRequest(`build config ${namespace}/${name} has already instantiated a build for imageid ${change.image}`);
  if (source?.binary && !request.binary && source.dockerfile === undefined && !source.images?.length) {
    return badRequest(`build config "${name}" builds from a source that is sent with each build: send it to buildconfigs/${name}/instantiatebinary, e.g. with slipway or oc start-build ${name} --from-dir .`);
  }
  return undefined;
}

export function isPaused({ metadata }: BuildConfig): boolean {
  return metadata.annotations?.[buildAnnotations.paused]?.toLowerCase() === 'true';
}

/** `number` is above every one that was ever given. Throws `StatusError` for options of another strategy. */
export function planInstantiation(config: BuildConfig, request: BuildRequest, streams: StreamLookup, now: Time, number = (config.status?.lastVersion ?? 0) + 1): Instantiation {
  const { name, namespace = '' } = config.metadata;
  const change = changeOf(request);
  const next = copyJson(config);
  next.status = { ...next.status, lastVersion: number };
  noteImages(next, streams, change, now);
  const { triggers: _triggers, runPolicy, successfulBuildsHistoryLimit: _successful, failedBuildsHistoryLimit: _failed, ...spec } = copyJson(config.spec);
  const named = (!change && request.from) || strategyFrom(spec.strategy);
  setSource(spec, request);
  resolveImages(spec, request, change, namespace, streams);
  override(spec, request, `${namespace}/${name}`);
  const { 'kubectl.kubernetes.io/last-applied-configuration': _applied, [buildAnnotations.paused]: _paused, ...annotations } = config.metadata.annotations ?? {};
  return {
    config: next,
    build: {
      apiVersion: 'build.openshift.io/v1',
      kind: 'Build',
      metadata: {
        name: buildName(name, number),
        namespace,
        labels: { ...request.metadata?.labels, ...config.metadata.labels, buildconfig: labelValue(name), [buildLabels.buildConfig]: labelValue(name), [buildLabels.runPolicy]: runPolicy ?? 'Serial' },
        annotations: {
          ...annotations,
          ...request.metadata?.annotations,
          [buildAnnotations.buildConfig]: name,
          [buildAnnotations.number]: String(number),
          ...(named?.name && { [builderAnnotation]: named.kind === 'DockerImage' ? named.name : `${named.namespace ?? namespace}/${named.name}` }),
          [stepsAnnotation]: firstSteps(spec, now),
        },
        ownerReferences: [controllerReference(config)],
      },
      spec: { ...spec, triggeredBy: request.triggeredBy?.length ? request.triggeredBy : [manual] },
      status: { phase: 'New', config: { kind: 'BuildConfig', name, namespace } },
    },
  };
}

/** What is known of a build's steps when it is made. */
export function firstSteps(spec: CommonBuildSpec, now: Time): string {
  return JSON.stringify(mergeStep(initialSteps(spec.strategy), { step: 'SourceLocation', state: 'done', startedAt: now, finishedAt: now, detail: sourceDetail(spec) }));
}

/** The image whose change asks for the build: `from` is then the trigger's tag, and else an image to start from instead. */
function changeOf({ triggeredByImage, from }: BuildRequest): ImageChange | undefined {
  return triggeredByImage?.name && from ? { from, image: triggeredByImage.name } : undefined;
}

function setSource(spec: CommonBuildSpec, { revision, binary }: BuildRequest): void {
  const source = (spec.source ??= {});
  if (revision) spec.revision = copyJson(revision);
  else delete spec.revision;
  if (binary) {
    source.binary = binary.asFile ? { asFile: binary.asFile } : {};
    delete source.git;
    if (binary.asFile === 'Dockerfile') delete source.dockerfile;
  } else {
    delete source.binary;
  }
  delete source.type;
}

/** A reference that leads nowhere yet stays as it is: the build waits for it and says so. */
function resolveImages(spec: CommonBuildSpec, request: BuildRequest, change: ImageChange | undefined, namespace: string, streams: StreamLookup): void {
  const specOf = (from: ObjectReference | undefined) => (change && from?.kind === 'ImageStreamTag' && sameTag(change.from, from, namespace) ? change.image : resolveImage(from, namespace, streams)?.pullSpec);
  const { sourceStrategy, dockerStrategy, customStrategy } = spec.strategy;
  const strategy = sourceStrategy ?? dockerStrategy ?? customStrategy;
  const wanted = (!change && request.from) || strategy?.from;
  if (strategy && wanted) {
    const image = specOf(wanted);
    strategy.from = image ? { kind: 'DockerImage', name: image } : wanted;
  }
  for (const source of spec.source?.images ?? []) {
    const image = specOf(source.from);
    if (image) source.from = { kind: 'DockerImage', name: image };
  }
}

function sourceDetail({ source }: CommonBuildSpec): string {
  if (source?.git) return withoutPassword(source.git.uri) + (source.git.ref ? `#${source.git.ref}` : '');
  if (source?.binary) return 'uploaded';
  return source?.dockerfile === undefined ? (source?.images?.length ? 'Image' : 'None') : 'Dockerfile';
}
