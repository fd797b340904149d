/** Puts the newest images of image streams into deployment configs by their triggers, and into every other workload that asks for them by annotation. */
import { daemonSets, deployments, statefulSets } from '../../api/kinds/apps.ts';
import { cronJobs } from '../../api/kinds/batch.ts';
import { deploymentConfigs } from '../../api/kinds/deployment-config.ts';
import { imageStreams } from '../../api/kinds/image.ts';
import { keyOf, splitKey, type KubeObject } from '../../api/meta.ts';
import { templatePathOf } from '../../api/pod-templates.ts';
import { apiVersionOf, type Resource } from '../../api/resource.ts';
import type { Client } from '../../client/client.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import { ifFound } from '../../client/if-found.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller } from '../kernel/reconcile/controller.ts';
import { applyTriggers, InvalidTriggers, streamsOfTriggers } from './annotation-trigger-plan.ts';
import { resolveConfig, streamsOfConfig, type FindStream } from './image-trigger-plan.ts';

/** Workloads that may follow images by annotation, as far as they are served. Jobs are not: their template never changes. */
const workloads: readonly Resource[] = [deployments, statefulSets, daemonSets, cronJobs];

/** What one kind needs to follow streams. */
interface Follower<T extends KubeObject> {
  of: Resource<T>;
  /** As `namespace/name`. */
  streams(object: T): string[];
  /** The object with newer images, if there are any. May throw `InvalidTriggers`. */
  resolve(object: T): T | undefined;
}

export async function startImageTriggerController(context: ModuleContext): Promise<void> {
  const { client, informers, clock, log, scope } = context;
  const recorder = scope.own(eventRecorder(client, 'image-trigger-controller', clock));
  const streams = informers.for(imageStreams);
  const find: FindStream = (namespace, name) => streams.get(`${namespace}/${name}`);
  await Promise.all([
    follow({ of: deploymentConfigs, streams: streamsOfConfig, resolve: (config) => resolveConfig(config, find, { together: true }) }),
    ...(await servedOf(client, workloads)).map((of) => {
      const path = templatePathOf(of) ?? [];
      return follow({ of, streams: streamsOfTriggers, resolve: (object) => applyTriggers(object, path, find) });
    }),
  ]);

  async function follow<T extends KubeObject>({ of, streams: streamsOf, resolve }: Follower<T>): Promise<void> {
    const cache = informers.for(of, { stream: streamsOf });
    /** What was said about an object's triggers last; bounded by the objects there are. */
    const told = new Map<string, string>();
    await Promise.all([cache.synced, streams.synced]);
    const loop = scope.own(controller({
      name: `image-trigger-${of.plural}`,
      clock,
      log,
      async reconcile(key) {
        const object = cache.get(key);
        if (!object || object.metadata.deletionTimestamp) return void told.delete(key);
        const resolved = attempt(key, object);
        if (!resolved) return;
        const { name, namespace } = splitKey(key);
        // The version read is in the object: a cache that is behind leads to a conflict and another look, not to an older image.
        await client.update(of, resolved, { name, namespace });
        recorder.normal(resolved, 'ImageChange', 'The newest images of the image streams it follows were set');
      },
    }));
    const attempt = (key: string, object: T): T | undefined => {
      try {
        const resolved = resolve(object);
        told.delete(key);
        return resolved;
      } catch (error) {
        if (!(error instanceof InvalidTriggers)) throw error;
        if (told.get(key) !== error.message) recorder.warning(object, 'InvalidImageTrigger', error.message);
        told.set(key, error.message);
        return undefined;
      }
    };
    scope.own(cache.onChange(({ object }) => loop.enqueue(keyOf(object))));
    scope.own(streams.onChange(({ object }) => {
      for (const one of cache.byIndex('stream', keyOf(object))) loop.enqueue(keyOf(one));
    }));
  }
}

/** Those of `all` that this API serves. */
async function servedOf(client: Client, all: readonly Resource[]): Promise<Resource[]> {
  const versions = new Map<string, Set<string>>();
  for (const apiVersion of new Set(all.map(apiVersionOf))) {
    const found = (await ifFound(client.raw('GET', `/apis/${apiVersion}`))) as { resources?: { name: string }[] } | undefined;
    versions.set(apiVersion, new Set((found?.resources ?? []).map(({ name }) => name)));
  }
  return all.filter((of) => versions.get(apiVersionOf(of))?.has(of.plural));
}
