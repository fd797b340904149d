/** Puts the newest images of image streams into deployment configs and deployments that ask for them. */
import { deployments } from '../../api/kinds/apps.ts';
import { deploymentConfigs } from '../../api/kinds/deployment-config.ts';
import { imageStreams } from '../../api/kinds/image.ts';
import { keyOf, splitKey, type KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import type { Informer } from '../../client/informer.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller } from '../kernel/reconcile/controller.ts';
import { resolveConfig, resolveDeployment, streamsOfConfig, streamsOfDeployment, type FindStream } from './image-trigger-plan.ts';

export async function startImageTriggerController(context: ModuleContext): Promise<void> {
  const { client, informers, clock, log, scope } = context;
  const recorder = scope.own(eventRecorder(client, 'image-trigger-controller', clock));
  const streams = informers.for(imageStreams);
  const find: FindStream = (namespace, name) => streams.get(`${namespace}/${name}`);
  await Promise.all([
    follow(deploymentConfigs, informers.for(deploymentConfigs, { stream: streamsOfConfig }), (config) => resolveConfig(config, find)),
    follow(deployments, informers.for(deployments, { stream: streamsOfDeployment }), (deployment) => resolveDeployment(deployment, find)),
  ]);

  async function follow<T extends KubeObject>(of: Resource<T>, cache: Informer<T>, resolve: (object: T) => T | undefined): Promise<void> {
    await Promise.all([cache.synced, streams.synced]);
    const loop = scope.own(controller({
      name: `image-trigger-${of.plural}`,
      clock,
      log,
      async reconcile(key) {
        const object = cache.get(key);
        const resolved = object && !object.metadata.deletionTimestamp ? resolve(object) : undefined;
        if (!resolved) return;
        const { name, namespace } = splitKey(key);
        // The version read is in the object: a cache that is behind leads to a conflict and another look, not to an older image.
        await client.update(of, resolved, { name, namespace });
        recorder.normal(resolved, 'ImageChange', 'The newest images of the image streams it follows were set');
      },
    }));
    scope.own(cache.onChange(({ object }) => loop.enqueue(keyOf(object))));
    scope.own(streams.onChange(({ object }) => {
      for (const one of cache.byIndex('stream', keyOf(object))) loop.enqueue(keyOf(one));
    }));
  }
}
