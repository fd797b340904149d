/** Carries builds from New to their end: starts pods as run policies allow, follows what the builder tells, writes the outcome. */
import { equalJson } from '../../api/json.ts';
import { buildAnnotations, builds, finishedPhases, type Build, type BuildStatus } from '../../api/kinds/build.ts';
import { pods, secrets, serviceAccounts, type Pod, type ServiceAccount } from '../../api/kinds/core.ts';
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
import { planStart, streamsOf } from './build-start-plan.ts';
import { outputShows, type StreamLookup } from './image-resolver.ts';
import { InputSender } from './input-sender.ts';
import { builderAnnotation, inputAnnotation } from './instantiate-plan.ts';
import type { PodAccess } from './pod-access.ts';
import { KeyedLock } from './keyed-lock.ts';
import { ProgressReader } from './progress-reader.ts';
import { judge, nextBuilds } from './run-policy.ts';

/** A build's pod, and the secret that was found for it to push with. */
interface Started {
  pod: Pod;
  pushSecret: string | undefined;
}

export interface BuildControllerParts {
  access: PodAccess;
  inputs: BinaryInputs;
}

export async function startBuildController({ client, informers, clock, log, scope }: ModuleContext, { access, inputs }: BuildControllerParts): Promise<void> {
  const recorder = scope.own(eventRecorder(client, 'build-controller', clock));
  const buildCache = informers.for(builds, { [ofConfig]: configKeys, [awaiting]: awaited });
  const podCache = informers.for(pods);
  const streamCache = informers.for(imageStreams);
  const accountCache = informers.for(serviceAccounts);
  const secretCache = informers.for(secrets);
  await Promise.all([buildCache, podCache, streamCache, accountCache, secretCache].map((cache) => cache.synced));
  const turns = new KeyedLock();
  /** Builds whose pod was made, with their uid, until the cache shows it. */
  const started = new Map<string, string>();
  const streams: StreamLookup = (namespace, name) => streamCache.get(`${namespace}/${name}`);
  await inputs.sweep(new Set(buildCache.list().filter((one) => !isFinished(one)).flatMap((one) => one.metadata.annotations?.[inputAnnotation] ?? [])));

  const loop = scope.own(controller({ name: 'build-controller', clock, log, reconcile }));
  const progress = scope.own(new ProgressReader(access, log, (key) => loop.enqueue(key)));
  const sender = scope.own(new InputSender(access, inputs, clock, log, (key) => loop.enqueue(key)));

  scope.own(buildCache.onChange(({ type, object }) => {
    const key = keyOf(object);
    if (type === 'deleted' || object.status.phase !== 'New') started.delete(key);
    loop.enqueue(key);
    // Whoever waits for this one may be next.
    if (type === 'deleted' || isFinished(object)) for (const config of configKeys(object)) for (const one of nextBuilds(buildCache.byIndex(ofConfig, config))) loop.enqueue(keyOf(one));
  }));
  scope.own(podCache.onChange(({ object }) => {
    const owner = controllerOf(object);
    if (owner?.kind === 'Build') loop.enqueue(`${object.metadata.namespace}/${owner.name}`);
  }));
  const wake = (what: string) => {
    for (const build of buildCache.byIndex(awaiting, what)) loop.enqueue(keyOf(build));
  };
  scope.own(streamCache.onChange(({ object }) => wake(`stream ${keyOf(object)}`)));
  scope.own(accountCache.onChange(({ object }) => wake(`account ${keyOf(object)}`)));
  scope.own(secretCache.onChange(({ object }) => wake(`secret ${keyOf(object)}`)));

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
    if (!build || isFinished(build) || build.metadata.deletionTimestamp) return undefined;
    if (build.status.cancelled) return cancel(key, build);
    return build.status.phase === 'New' ? begin(key, build) : follow(key, build);
  }

  /** In turn: two builds of one config that look at each other at the same moment would both start. */
  async function begin(key: string, build: Build): Promise<ReconcileResult> {
    const [config] = configKeys(build);
    return config === undefined ? start(key, build, []) : turns.run(config, () => start(key, build, buildCache.byIndex(ofConfig, config).map((one) => (one.metadata.name === build.metadata.name ? build : asStarted(one)))));
  }

  async function start(key: string, build: Build, siblings: readonly Build[]): Promise<ReconcileResult> {
    const { namespace = '' } = build.metadata;
    const verdict = judge(build, siblings);
    for (const one of verdict.cancel) await client.patch(builds, one.metadata, 'merge', { status: { cancelled: true } }).catch(ignoreGone);
    if (!verdict.run) return undefined;
    const push = build.spec.output?.to && build.spec.output.pushSecret?.name;
    const [account, pushSecret] = await Promise.all([
      ifFound(client.get(serviceAccounts, { namespace, name: build.spec.serviceAccount ?? 'builder' })),
      push ? ifFound(client.get(secrets, { namespace, name: push })) : undefined,
    ]);
    const plan = planStart({ build, streams, builders: streamCache.list('openshift'), account, pushSecretExists: !push || pushSecret !== undefined, now: clock.now() });
    if (plan.type === 'fail') return end(key, build, planError(build, stepsOf(build), plan.reason, plan.message, clock.now()));
    if (plan.type === 'wait') {
      await hold(build, plan.reason, plan.message);
      return plan.afterMs === undefined ? undefined : { afterMs: plan.afterMs };
    }
    const { images } = plan;
    const made = await createPod(key, build, images, account);
    if (!made) return undefined;
    const now = clock.now().toISOString();
    const steps = mergeStep(
      mergeStep(stepsOf(build), { step: 'BuilderImage', state: 'done', startedAt: now, finishedAt: now, ...detailOf(build.metadata.annotations?.[builderAnnotation] ?? images.builder) }),
      { step: 'BuildInstantiated', state: 'done', startedAt: now, finishedAt: now, detail: made.pod.metadata.name },
    );
    const { reason: _reason, message: _message, ...status } = build.status;
    started.set(key, build.metadata.uid ?? '');
    await write(build, { status: { ...status, phase: 'Pending', ...(images.output && { outputDockerImageReference: images.output }) }, steps }, made);
    return undefined;
  }

  /** A sibling as it is, although the cache may not show yet that its pod was made. */
  function asStarted(sibling: Build): Build {
    return sibling.status.phase === 'New' && started.get(keyOf(sibling)) === sibling.metadata.uid ? { ...sibling, status: { ...sibling.status, phase: 'Pending' } } : sibling;
  }

  async function createPod(key: string, build: Build, images: BuildImages, account: ServiceAccount | undefined): Promise<Started | undefined> {
    const { namespace } = build.metadata;
    let pod: Pod;
    let pushSecret: string | undefined;
    try {
      const known = mayFindSecrets(build, images) ? (await client.list(secrets, { namespace })).items : [];
      const found = findSecrets(build, images, known, account);
      pushSecret = found.push;
      pod = makeBuildPod(build, images, found);
    } catch (error) {
      // Nothing outside the build will change that: there is no reason to try again.
      await hold(build, 'CannotCreateBuildPodSpec', `${messages.CannotCreateBuildPodSpec} ${(error as Error).message}`);
      return undefined;
    }
    try {
      return { pod: await client.create(pods, pod, { namespace }), pushSecret };
    } catch (error) {
      if (isStatusError(error, 'AlreadyExists')) {
        // Ours from a moment ago, if this control plane ended between pod and status.
        const existing = await client.get(pods, { namespace, name: buildPodName(build.metadata.name) });
        const owner = controllerOf(existing);
        if (owner?.uid === build.metadata.uid) return { pod: existing, pushSecret: undefined };
        // Of a build that had this name before: it is about to go, and its end brings us here again.
        if (owner?.kind === 'Build' && owner.name === build.metadata.name) return undefined;
        await end(key, build, planError(build, stepsOf(build), 'BuildPodExists', messages.BuildPodExists, clock.now()));
        return undefined;
      }
      recorder.warning(build, 'FailedCreate', `Error creating build pod: ${(error as Error).message}`);
      await hold(build, 'CannotCreateBuildPod', `${messages.CannotCreateBuildPod} ${(error as Error).message}`);
      throw error;
    }
  }

  async function follow(key: string, build: Build): Promise<ReconcileResult> {
    const { namespace, annotations } = build.metadata;
    const podName = annotations?.[buildAnnotations.podName] ?? buildPodName(build.metadata.name);
    // The pod was made a moment ago: a cache that does not show it yet, or shows one of the same name before it, proves nothing.
    const isOurs = (pod: Pod | undefined) => pod !== undefined && controllerOf(pod)?.uid === build.metadata.uid;
    const cached = podCache.get(`${namespace}/${podName}`);
    const pod = isOurs(cached) ? cached : await ifFound(client.get(pods, { namespace, name: podName }));
    const ours = pod && isOurs(pod) && !(pod.metadata.deletionTimestamp && pod.status?.phase === 'Pending') ? pod : undefined;
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

  async function write(build: Build, { status, steps, revision }: { status: BuildStatus; steps: readonly StepProgress[]; revision?: BuildTermination['revision'] }, made?: Started): Promise<void> {
    const text = JSON.stringify(steps);
    const same = equalJson(build.status, status) && build.metadata.annotations?.[stepsAnnotation] === text && !made && !revision;
    if (same) return;
    const annotations = { ...build.metadata.annotations, [stepsAnnotation]: text, ...(made && { [buildAnnotations.podName]: made.pod.metadata.name }) };
    const spec = { ...build.spec };
    // What was asked for stays: a webhook may know more of a commit than the repository tells.
    if (revision) spec.revision = { type: 'Git', git: { ...revision, ...build.spec.revision?.git } };
    if (made?.pushSecret && !spec.output?.pushSecret) spec.output = { ...spec.output, pushSecret: { name: made.pushSecret } };
    try {
      await client.update(builds, { ...build, metadata: { ...build.metadata, annotations }, spec, status } as Build, { ...build.metadata, subresource: 'details' });
    } catch (error) {
      ignoreGone(error);
    }
  }
}

/** Index: what a waiting build may be waiting for, and what will show the result of a finished one. */
const awaiting = 'build.awaiting';

function awaited(build: Build): string[] {
  const { namespace } = build.metadata;
  if (build.status.phase === 'New') return [...streamsOf(build).map((stream) => `stream ${stream}`), `account ${namespace}/${build.spec.serviceAccount ?? 'builder'}`, `secret ${namespace}/${build.spec.output?.pushSecret?.name ?? ''}`];
  return build.status.phase === 'Complete' && !stepDone(build) ? streamsOf(build).map((stream) => `stream ${stream}`) : [];
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
