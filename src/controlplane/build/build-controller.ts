/** Carries builds from New to their end: starts pods as run policies allow, follows what the builder tells, writes the outcome. */
import { equalJson } from '../../api/json.ts';
import { buildAnnotations, builds, finishedPhases, strategyFrom, type Build, type BuildStatus } from '../../api/kinds/build.ts';
import { pods, secrets, serviceAccounts, type Pod } from '../../api/kinds/core.ts';
import { imageStreams } from '../../api/kinds/image.ts';
import { controllerOf, keyOf } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import { ifFound } from '../../client/if-found.ts';
import { initialSteps, mergeStep, stepsAnnotation, type BuildTermination, type StepProgress } from '../../protocol/build-progress.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../kernel/reconcile/controller.ts';
import type { BinaryInputs } from './binary-input.ts';
import { configKeys, ofConfig } from './build-index.ts';
import { buildPodName } from './build-names.ts';
import { buildContainer } from './build-pod-contract.ts';
import { customTold, pushedDigest } from './custom-build-plan.ts';
import type { BuildImages } from './build-pod-parts.ts';
import { findSecrets, mayFindSecrets } from './build-pod-secrets.ts';
import { makeBuildPod } from './build-pod.ts';
import { messages, planCancelled, planError, planState, type PlannedState } from './build-plan.ts';
import { inputImages, missingBuilderText, outputShows, resolveImage, resolveOutput, type StreamLookup } from './image-resolver.ts';
import { InputSender } from './input-sender.ts';
import { builderAnnotation, inputAnnotation } from './instantiate-plan.ts';
import type { PodAccess } from './pod-access.ts';
import { ProgressReader } from './progress-reader.ts';
import { judge } from './run-policy.ts';

/** A builder that is not there may be published in a moment; after this the build is given up. */
const builderPatience = 30_000;

export interface BuildControllerParts {
  access: PodAccess;
  inputs: BinaryInputs;
}

export async function startBuildController({ client, informers, clock, log, scope }: ModuleContext, { access, inputs }: BuildControllerParts): Promise<void> {
  const recorder = scope.own(eventRecorder(client, 'build-controller', clock));
  const buildCache = informers.for(builds, { [ofConfig]: configKeys });
  const podCache = informers.for(pods);
  const streamCache = informers.for(imageStreams);
  await Promise.all([buildCache.synced, podCache.synced, streamCache.synced]);
  const streams: StreamLookup = (namespace, name) => streamCache.get(`${namespace}/${name}`);
  await inputs.sweep(new Set(buildCache.list().filter((one) => !isFinished(one)).flatMap((one) => one.metadata.annotations?.[inputAnnotation] ?? [])));

  const loop = scope.own(controller({ name: 'build-controller', clock, log, reconcile }));
  const progress = scope.own(new ProgressReader(access, log, (key) => loop.enqueue(key)));
  const sender = scope.own(new InputSender(access, inputs, clock, log, (key) => loop.enqueue(key)));

  scope.own(buildCache.onChange(({ type, object }) => {
    loop.enqueue(keyOf(object));
    // Whoever waits for this one may be next.
    if (type === 'deleted' || isFinished(object)) for (const key of configKeys(object)) for (const one of buildCache.byIndex(ofConfig, key)) if (one.status.phase === 'New') loop.enqueue(keyOf(one));
  }));
  scope.own(podCache.onChange(({ object }) => {
    const owner = controllerOf(object);
    if (owner?.kind === 'Build') loop.enqueue(`${object.metadata.namespace}/${owner.name}`);
  }));
  scope.own(streamCache.onChange(({ object }) => {
    // Builds that wait for a builder, and those whose result this stream now shows.
    for (const build of buildCache.list()) {
      if (build.status.phase === 'New' && build.metadata.annotations?.[builderAnnotation]?.startsWith(`${keyOf(object)}:`)) loop.enqueue(keyOf(build));
      else if (build.status.phase === 'Complete' && build.metadata.namespace === object.metadata.namespace && !stepDone(build)) loop.enqueue(keyOf(build));
    }
  }));

  async function reconcile(key: string): Promise<ReconcileResult> {
    const cached = buildCache.get(key);
    if (!cached) {
      progress.forget(key);
      sender.forget(key);
      return undefined;
    }
    if (isFinished(cached)) return afterwards(key, cached);
    // Phases go one way only: they are decided on what the store has, not on a cache that may be behind.
    const build = await ifFound(client.get(builds, cached.metadata));
    if (!build || isFinished(build)) return undefined;
    if (build.status.cancelled) return cancel(key, build);
    return build.status.phase === 'New' ? begin(key, build) : follow(key, build);
  }

  async function begin(key: string, build: Build): Promise<ReconcileResult> {
    const { namespace = '' } = build.metadata;
    const siblings = configKeys(build).flatMap((one) => buildCache.byIndex(ofConfig, one));
    const verdict = judge(build, siblings);
    for (const one of verdict.cancel) await client.patch(builds, one.metadata, 'merge', { status: { cancelled: true } }).catch(ignoreGone);
    if (!verdict.run) return undefined;
    const from = strategyFrom(build.spec.strategy);
    const builder = resolveImage(from, namespace, streams);
    if (from && !builder) {
      const message = missingBuilderText(from, streamCache.list('openshift'));
      const age = clock.now().getTime() - Date.parse(build.metadata.creationTimestamp ?? clock.now().toISOString());
      if (age >= builderPatience) return end(key, build, planError(build, stepsOf(build), 'InvalidImageReference', message, clock.now()));
      await hold(build, 'InvalidImageReference', message);
      return { afterMs: builderPatience - age };
    }
    const to = build.spec.output?.to;
    const output = to?.name ? resolveOutput(to, namespace, streams) : undefined;
    if (to?.name && !output) {
      await hold(build, 'InvalidOutputReference', `${messages.InvalidOutputReference} There is no image stream "${to.name.split(':')[0]}" in project "${to.namespace ?? namespace}"; create it, and the build goes on.`);
      return { afterMs: builderPatience };
    }
    const missing = await missingParts(build, namespace);
    if (missing) {
      await hold(build, missing.reason, missing.message);
      return { afterMs: builderPatience };
    }
    const pod = await createPod(key, build, { builder: builder?.pullSpec, output, inputs: inputImages(build, namespace, streams) });
    if (!pod) return undefined;
    const now = clock.now().toISOString();
    const steps = mergeStep(
      mergeStep(stepsOf(build), { step: 'BuilderImage', state: 'done', startedAt: now, finishedAt: now, ...detailOf(build.metadata.annotations?.[builderAnnotation] ?? builder?.pullSpec) }),
      { step: 'BuildInstantiated', state: 'done', startedAt: now, finishedAt: now, detail: pod.metadata.name },
    );
    const { reason: _reason, message: _message, ...status } = build.status;
    await write(build, { status: { ...status, phase: 'Pending', ...(output && { outputDockerImageReference: output }) }, steps }, pod.metadata.name);
    return undefined;
  }

  /** What the build names and the pod cannot do without. */
  async function missingParts(build: Build, namespace: string): Promise<{ reason: string; message: string } | undefined> {
    const absent = (build.spec.source?.images ?? []).find(({ from }) => !resolveImage(from, namespace, streams));
    if (absent) return { reason: 'InvalidImageReference', message: `Referenced image could not be resolved: there is no image "${absent.from.namespace ? `${absent.from.namespace}/` : ''}${absent.from.name}" (spec.source.images); when it is there, the build goes on.` };
    const push = build.spec.output?.to && build.spec.output.pushSecret?.name;
    if (push && !(await ifFound(client.get(secrets, { namespace, name: push })))) return { reason: 'MissingPushSecret', message: `Missing push secret. There is no secret "${push}" in project "${namespace}"; create it, and the build goes on.` };
    return undefined;
  }

  async function createPod(key: string, build: Build, images: BuildImages): Promise<Pod | undefined> {
    const { namespace } = build.metadata;
    try {
      const look = mayFindSecrets(build, images);
      const [known, account] = look ? await Promise.all([client.list(secrets, { namespace }), ifFound(client.get(serviceAccounts, { namespace, name: build.spec.serviceAccount ?? 'builder' }))]) : [{ items: [] }, undefined];
      return await client.create(pods, makeBuildPod(build, images, findSecrets(build, images, known.items, account)), { namespace });
    } catch (error) {
      if (isStatusError(error, 'AlreadyExists')) {
        // Ours from a moment ago, if this control plane ended between pod and status.
        const existing = await client.get(pods, { namespace, name: buildPodName(build.metadata.name) });
        if (controllerOf(existing)?.uid === build.metadata.uid) return existing;
        await end(key, build, planError(build, stepsOf(build), 'BuildPodExists', messages.BuildPodExists, clock.now()));
        return undefined;
      }
      recorder.warning(build, 'FailedCreate', `Error creating: ${(error as Error).message}`);
      await hold(build, 'CannotCreateBuildPod', `${messages.CannotCreateBuildPod} ${(error as Error).message}`);
      throw error;
    }
  }

  async function follow(key: string, build: Build): Promise<ReconcileResult> {
    const { namespace, annotations } = build.metadata;
    const podName = annotations?.[buildAnnotations.podName] ?? buildPodName(build.metadata.name);
    // The pod was made a moment ago: a cache that does not show it yet proves nothing.
    const pod = podCache.get(`${namespace}/${podName}`) ?? (await ifFound(client.get(pods, { namespace, name: podName })));
    const ours = pod && controllerOf(pod)?.uid === build.metadata.uid && !(pod.metadata.deletionTimestamp && pod.status?.phase === 'Pending') ? pod : undefined;
    if (ours?.status?.phase === 'Running') {
      progress.follow(key, ours.metadata.name, buildContainer(build.spec.strategy));
      const isFetched = [...stepsOf(build), ...progress.told(key)].some((one) => one.step === 'SourceFetched' && one.state === 'done');
      if (build.spec.source?.binary && !isFetched) sender.serve(key, ours.metadata.name, buildContainer(build.spec.strategy), annotations?.[inputAnnotation]);
    }
    const planned = planState({ build, pod: ours, told: [...progress.told(key), ...customTold(build, ours, clock.now())], steps: stepsOf(build), streamShows: shows(build), pushed: pushedDigest(build, streams), now: clock.now() });
    if (finishedPhases.includes(planned.status.phase)) return end(key, build, planned);
    if (planned.status.phase === 'Running' && build.status.phase !== 'Running') recorder.normal(build, 'BuildStarted', `Build ${key} is now running`);
    await write(build, planned);
    return undefined;
  }

  async function cancel(key: string, build: Build): Promise<ReconcileResult> {
    const { namespace, name } = build.metadata;
    const pod = await ifFound(client.get(pods, { namespace, name: buildPodName(name) }));
    if (pod && controllerOf(pod)?.uid === build.metadata.uid) await client.delete(pods, pod.metadata).catch(ignoreGone);
    return end(key, build, planCancelled(build, stepsOf(build), clock.now()));
  }

  async function end(key: string, build: Build, planned: PlannedState): Promise<ReconcileResult> {
    await write(build, planned);
    progress.forget(key);
    sender.forget(key);
    const input = build.metadata.annotations?.[inputAnnotation];
    if (input) await inputs.drop(input);
    const { phase, message } = planned.status;
    if (phase === 'Complete') recorder.normal(build, 'BuildCompleted', `Build ${key} completed successfully`);
    else if (phase === 'Cancelled') recorder.normal(build, 'BuildCancelled', `Build ${key} has been cancelled`);
    else recorder.warning(build, 'BuildFailed', `Build ${key} failed${message ? `: ${message}` : ''}`);
    return undefined;
  }

  /** The last step is the image stream's, which may show the image a moment after the push. */
  async function afterwards(key: string, build: Build): Promise<ReconcileResult> {
    const digest = build.status.output?.to?.imageDigest;
    if (build.status.phase !== 'Complete' || !digest || stepDone(build) || !shows(build)(digest)) return undefined;
    const now = clock.now().toISOString();
    await write(build, { status: build.status, steps: mergeStep(stepsOf(build), { step: 'ImageStreamUpdated', state: 'done', startedAt: now, finishedAt: now }) });
    log.debug('image stream shows the build', { build: key });
    return undefined;
  }

  function shows(build: Build): (digest: string) => boolean {
    return (digest) => outputShows(build.spec.output?.to, build.metadata.namespace ?? '', digest, streams);
  }

  /** Stays New, and says why. */
  async function hold(build: Build, reason: string, message: string): Promise<void> {
    await write(build, { status: { ...build.status, reason, message }, steps: stepsOf(build) });
  }

  async function write(build: Build, { status, steps, revision }: { status: BuildStatus; steps: readonly StepProgress[]; revision?: BuildTermination['revision'] }, pod?: string): Promise<void> {
    const text = JSON.stringify(steps);
    const same = equalJson(build.status, status) && build.metadata.annotations?.[stepsAnnotation] === text && !pod && !revision;
    if (same) return;
    const annotations = { ...build.metadata.annotations, [stepsAnnotation]: text, ...(pod && { [buildAnnotations.podName]: pod }) };
    const spec = revision ? { ...build.spec, revision: { type: 'Git' as const, git: { commit: revision.commit, message: revision.message, author: revision.author } } } : build.spec;
    try {
      await client.update(builds, { ...build, metadata: { ...build.metadata, annotations }, spec, status } as Build, { ...build.metadata, subresource: 'details' });
    } catch (error) {
      ignoreGone(error);
    }
  }
}

function isFinished({ status }: Build): boolean {
  return finishedPhases.includes(status.phase);
}

function stepsOf(build: Build): StepProgress[] {
  try {
    return JSON.parse(build.metadata.annotations?.[stepsAnnotation] ?? '') as StepProgress[];
  } catch {
    return initialSteps(build.spec.strategy);
  }
}

const detailOf = (detail: string | undefined) => (detail ? { detail } : {});

function stepDone(build: Build): boolean {
  return stepsOf(build).some((one) => one.step === 'ImageStreamUpdated' && one.state === 'done');
}

function ignoreGone(error: unknown): void {
  if (!isStatusError(error, 'NotFound')) throw error;
}
