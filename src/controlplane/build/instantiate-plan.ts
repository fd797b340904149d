/** The build that a build config and a request make. Pure. */
import { withoutPassword } from '../../api/shown-url.ts';
import { copyJson } from '../../api/json.ts';
import { buildAnnotations, buildLabels, strategyFrom, type Build, type BuildConfig, type BuildRequest, type BuildTriggerCause, type CommonBuildSpec } from '../../api/kinds/build.ts';
import { controllerReference, type ObjectReference, type Time } from '../../api/meta.ts';
import { badRequest, conflict, type StatusError } from '../../api/status.ts';
import { buildConfigs } from '../../api/kinds/build.ts';
import { initialSteps, mergeStep, stepsAnnotation } from '../../protocol/build-progress.ts';
import { labelValue } from './build-names.ts';
import { resolveImage, type StreamLookup } from './image-resolver.ts';

/** Annotation of a binary build: name of the file that holds its input until the build pod has taken it. */
export const inputAnnotation = 'slipway.dev/build-input';
/** Annotation: the builder image as the build config names it, kept when the spec is resolved to a digest. */
export const builderAnnotation = 'slipway.dev/builder';

export interface Instantiation {
  /** The config with its next number and what its triggers have now seen. */
  config: BuildConfig;
  build: Build;
}

/** Why nothing may be built now, as an error for whoever asked. */
export function refusal(config: BuildConfig, request: BuildRequest): StatusError | undefined {
  const { name, namespace } = config.metadata;
  if (config.metadata.annotations?.[buildAnnotations.paused] === 'true') return conflict(buildConfigs, name, `builds of build config ${namespace}/${name} are paused (annotation ${buildAnnotations.paused})`);
  const last = config.status?.lastVersion ?? 0;
  if (request.lastVersion !== undefined && request.lastVersion !== last) return conflict(buildConfigs, name, `the LastVersion(${last}) on build config ${namespace}/${name} does not match the build request LastVersion(${request.lastVersion})`);
  if (config.spec.source?.binary && !request.binary) return badRequest(`build config "${name}" builds from a source that is sent with each build: send it to buildconfigs/${name}/instantiatebinary, e.g. with slipway or oc start-build ${name} --from-dir .`);
  return undefined;
}

export function planInstantiation(config: BuildConfig, request: BuildRequest, streams: StreamLookup, now: Time): Instantiation {
  const { name, namespace = '' } = config.metadata;
  const number = (config.status?.lastVersion ?? 0) + 1;
  const next = copyJson(config);
  next.status = { ...next.status, lastVersion: number };
  recordImages(next, streams, now);
  const { triggers: _triggers, runPolicy, successfulBuildsHistoryLimit: _successful, failedBuildsHistoryLimit: _failed, ...common } = copyJson(config.spec);
  const named = strategyFrom(common.strategy);
  const spec = withRequest(common, request, namespace, streams);
  const { 'kubectl.kubernetes.io/last-applied-configuration': _applied, ...annotations } = config.metadata.annotations ?? {};
  return {
    config: next,
    build: {
      apiVersion: 'build.openshift.io/v1',
      kind: 'Build',
      metadata: {
        name: `${name}-${number}`,
        namespace,
        labels: { ...config.metadata.labels, buildconfig: labelValue(name), [buildLabels.buildConfig]: labelValue(name), [buildLabels.runPolicy]: runPolicy ?? 'Serial' },
        annotations: {
          ...annotations,
          [buildAnnotations.buildConfig]: name,
          [buildAnnotations.number]: String(number),
          ...(named?.name && { [builderAnnotation]: `${named.namespace ?? namespace}/${named.name}` }),
          [stepsAnnotation]: JSON.stringify(mergeStep(initialSteps(spec.strategy), { step: 'SourceLocation', state: 'done', startedAt: now, finishedAt: now, detail: sourceDetail(spec) })),
          ...request.metadata?.annotations,
        },
        ownerReferences: [controllerReference(config)],
      },
      spec: { ...spec, triggeredBy: request.triggeredBy ?? [{ message: 'Manually triggered' }] },
      status: { phase: 'New', config: { kind: 'BuildConfig', name, namespace } },
    },
  };
}

function withRequest(spec: CommonBuildSpec, request: BuildRequest, namespace: string, streams: StreamLookup): CommonBuildSpec {
  if (request.revision) spec.revision = copyJson(request.revision);
  if (request.binary && spec.source) spec.source = { ...spec.source, type: 'Binary', binary: request.binary.asFile ? { asFile: request.binary.asFile } : {} };
  if (request.binary && spec.source) delete spec.source.git;
  const { sourceStrategy, dockerStrategy, customStrategy } = spec.strategy;
  const strategy = sourceStrategy ?? dockerStrategy ?? customStrategy;
  if (!strategy) return spec;
  if (request.env?.length) strategy.env = [...(strategy.env ?? []).filter((old) => !request.env?.some((one) => one.name === old.name)), ...copyJson(request.env)];
  if (sourceStrategy && request.sourceStrategyOptions?.incremental !== undefined) sourceStrategy.incremental = request.sourceStrategyOptions.incremental;
  const resolved = resolveImage(request.from ?? strategy.from, namespace, streams);
  // A reference that leads nowhere yet stays as it is: the build waits for it and says so.
  if (resolved) strategy.from = { kind: 'DockerImage', name: resolved.pullSpec };
  else if (request.from) strategy.from = request.from;
  return spec;
}

/** Every ImageChange trigger has seen what it leads to now, whoever started the build: one change makes one build. */
function recordImages(config: BuildConfig, streams: StreamLookup, now: Time): void {
  const seen: NonNullable<NonNullable<BuildConfig['status']>['imageChangeTriggers']> = [];
  for (const trigger of config.spec.triggers ?? []) {
    if (trigger.type !== 'ImageChange') continue;
    const image = resolveImage(triggerSource(config, trigger.imageChange?.from), config.metadata.namespace ?? '', streams);
    if (!image) continue;
    trigger.imageChange = { ...trigger.imageChange, lastTriggeredImageID: image.pullSpec };
    seen.push({ ...(trigger.imageChange.from && { from: trigger.imageChange.from }), lastTriggeredImageID: image.pullSpec, lastTriggerTime: now });
  }
  if (seen.length > 0 && config.status) config.status.imageChangeTriggers = seen;
}

export function triggerSource(config: BuildConfig, from: ObjectReference | undefined): ObjectReference | undefined {
  return from ?? strategyFrom(config.spec.strategy);
}

function sourceDetail({ source }: CommonBuildSpec): string {
  if (source?.git) return withoutPassword(source.git.uri) + (source.git.ref ? `#${source.git.ref}` : '');
  return source?.binary ? 'uploaded' : (source?.type ?? 'None');
}

/** The request that repeats a build. */
export function cloneRequest(build: Build, request: BuildRequest): BuildRequest {
  const revision = request.revision ?? build.spec.revision;
  return { ...request, ...(revision && { revision }), triggeredBy: request.triggeredBy ?? ([{ message: 'Manually triggered' }] satisfies BuildTriggerCause[]) };
}
