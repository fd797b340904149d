/** Starts the builds that triggers ask for, and deletes those beyond the history limits. */
import { buildAnnotations, buildConfigs, builds, finishedPhases } from '../../api/kinds/build.ts';
import { imageStreams } from '../../api/kinds/image.ts';
import { keyOf, splitKey } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import { ifFound } from '../../client/if-found.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller } from '../kernel/reconcile/controller.ts';
import { dueBuild, surplusBuilds, unnotedBuild } from './build-config-plan.ts';
import { configKeys, ofConfig } from './build-index.ts';
import { watchedTags } from './image-change.ts';
import type { StreamLookup } from './image-resolver.ts';
import type { Instantiator } from './instantiate.ts';
import { readStreams } from './stream-lookup.ts';

const byStream = 'buildconfig.stream';

export async function startBuildConfigController({ client, informers, clock, log, scope }: ModuleContext, instantiator: Instantiator): Promise<void> {
  const recorder = scope.own(eventRecorder(client, 'buildconfig-controller', clock));
  const configs = informers.for(buildConfigs, {
    [byStream]: (config) => [...new Set(watchedTags(config).map(({ from }) => `${from.namespace ?? config.metadata.namespace}/${from.name?.split(':')[0]}`))],
  });
  const buildCache = informers.for(builds, { [ofConfig]: configKeys });
  const streamCache = informers.for(imageStreams);
  await Promise.all([configs.synced, buildCache.synced, streamCache.synced]);
  const streams: StreamLookup = (namespace, name) => streamCache.get(`${namespace}/${name}`);

  for (const config of configs.list()) {
    const unnoted = unnotedBuild(config, buildCache.byIndex(ofConfig, keyOf(config)));
    if (unnoted) await instantiator.note(config, unnoted.number, unnoted.build);
  }

  const loop = scope.own(controller({ name: 'buildconfig-controller', clock, log, reconcile }));
  scope.own(configs.onChange(({ object }) => loop.enqueue(keyOf(object))));
  scope.own(streamCache.onChange(({ object }) => {
    for (const config of configs.byIndex(byStream, keyOf(object))) loop.enqueue(keyOf(config));
  }));
  scope.own(buildCache.onChange(({ object }) => {
    const config = object.metadata.annotations?.[buildAnnotations.buildConfig];
    if (config && finishedPhases.includes(object.status.phase)) loop.enqueue(`${object.metadata.namespace}/${config}`);
  }));

  async function reconcile(key: string): Promise<void> {
    const config = configs.get(key);
    if (!config) return;
    const { namespace = '', name } = splitKey(key);
    const own = buildCache.byIndex(ofConfig, key);
    for (const build of surplusBuilds(config, own)) await client.delete(builds, build.metadata, { propagationPolicy: 'Background' }).catch(ignoreGone);
    if (!dueBuild(config, streams)) return;
    // Triggers are decided on what the store has: an older copy of the config or of a stream would build twice.
    const current = await ifFound(client.get(buildConfigs, { namespace, name }));
    const request = current && dueBuild(current, await readStreams(client, current));
    if (!request) return;
    try {
      await instantiator.instantiate(namespace, name, request);
    } catch (error) {
      // Somebody else was faster, or the config is going.
      if (isStatusError(error, 'Conflict', 'NotFound')) return;
      const latest = isStatusError(error, 'BadRequest') ? await client.get(buildConfigs, { namespace, name }) : undefined;
      if (latest && !dueBuild(latest, await readStreams(client, latest))) return;
      recorder.warning(current, 'BuildConfigInstantiateFailed', `error instantiating Build from BuildConfig ${key} (${request.lastVersion}): ${(error as Error).message}`);
      throw error;
    }
  }
}

function ignoreGone(error: unknown): void {
  if (!isStatusError(error, 'NotFound')) throw error;
}
