/** The build that repeats another one: its spec, resolved images and all, with the next number of its build config if that is still there. Pure. */
import { copyJson } from '../../api/json.ts';
import { buildAnnotations, type Build, type BuildConfig, type BuildRequest } from '../../api/kinds/build.ts';
import type { Time } from '../../api/meta.ts';
import { badRequest, type StatusError } from '../../api/status.ts';
import { buildName } from './build-names.ts';
import { override } from './build-overrides.ts';
import { firstSteps, inputAnnotation, isPaused, manual, type Instantiation } from './instantiate-plan.ts';
import { stepsAnnotation } from '../../protocol/build-progress.ts';

/** Digits at the end of names of builds without a build config. */
const stampLength = 10;

export function cloneRefusal(build: Build, config: BuildConfig | undefined): StatusError | undefined {
  const { name } = build.metadata;
  if (config && isPaused(config)) return badRequest(`can't instantiate from BuildConfig ${config.metadata.namespace ?? ''}/${config.metadata.name}: BuildConfig is paused`);
  if (build.spec.source?.binary) return badRequest(`build "${name}" was made from a source that was sent to it and is not kept; start a new one with its source, e.g. oc start-build ${build.status.config?.name ?? name} --from-dir .`);
  return undefined;
}

/** Throws `StatusError` for options of another strategy. */
export function planClone(build: Build, config: BuildConfig | undefined, request: BuildRequest, now: Date, number = (config?.status?.lastVersion ?? 0) + 1): { config: Instantiation['config'] | undefined; build: Build } {
  const { metadata } = build;
  const { triggeredBy: _before, ...spec } = copyJson(build.spec);
  if (request.revision) spec.revision = copyJson(request.revision);
  override(spec, request, `${metadata.namespace ?? ''}/${config?.metadata.name ?? metadata.name}`);
  const { [buildAnnotations.podName]: _pod, [buildAnnotations.number]: _number, [inputAnnotation]: _input, ...annotations } = metadata.annotations ?? {};
  return {
    config: config && { ...copyJson(config), status: { ...config.status, lastVersion: number } },
    build: {
      apiVersion: 'build.openshift.io/v1',
      kind: 'Build',
      metadata: {
        name: config ? buildName(config.metadata.name, number) : stamped(metadata.name, now),
        ...(metadata.namespace && { namespace: metadata.namespace }),
        ...(metadata.labels && { labels: { ...metadata.labels } }),
        annotations: {
          ...annotations,
          [buildAnnotations.cloneOf]: metadata.name,
          ...(config && { [buildAnnotations.number]: String(number) }),
          [stepsAnnotation]: firstSteps(spec, now.toISOString() as Time),
        },
        ...(metadata.ownerReferences && { ownerReferences: copyJson(metadata.ownerReferences) }),
      },
      spec: { ...spec, triggeredBy: request.triggeredBy?.length ? request.triggeredBy : [manual] },
      status: { phase: 'New', ...(build.status.config && { config: build.status.config }) },
    },
  };
}

/** The clone of a clone does not grow. */
function stamped(name: string, now: Date): string {
  const stamp = String(now.getTime() * 1000 + Math.floor(Math.random() * 1000)).slice(-stampLength);
  return buildName(name.replace(new RegExp(`-\\d{${stampLength}}$`), ''), stamp);
}
