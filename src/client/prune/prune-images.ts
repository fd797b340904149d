/** Reads what images are needed for, and takes away those that nobody needs: first out of their streams, then themselves; the registry frees the content. */
import { setTimeout as sleep } from 'node:timers/promises';
import { deployments, replicaSets } from '../../api/kinds/apps.ts';
import { buildConfigs, builds } from '../../api/kinds/build.ts';
import { pods, replicationControllers } from '../../api/kinds/core.ts';
import { deploymentConfigs } from '../../api/kinds/deployment-config.ts';
import { images, imageStreams, type Image, type ImageStream } from '../../api/kinds/image.ts';
import type { KubeObject } from '../../api/meta.ts';
import { resource, type Resource } from '../../api/resource.ts';
import { isStatusError } from '../../api/status.ts';
import type { Client } from '../client.ts';
import { ifFound } from '../if-found.ts';
import { planImages, staysInTag, type ImageOptions, type ImagePruning, type ImageState } from './images-plan.ts';

/** Kinds that hold pod templates or name images; a cluster that does not serve one has none of them. */
const others: readonly Resource[] = [
  replicationControllers, replicaSets, deployments, deploymentConfigs, buildConfigs,
  ...['StatefulSet', 'DaemonSet'].map((kind) => resource('apps/v1', { kind, plural: `${kind.toLowerCase()}s`, namespaced: true })),
  ...['Job', 'CronJob'].map((kind) => resource('batch/v1', { kind, plural: `${kind.toLowerCase()}s`, namespaced: true })),
];

/** Times a stream is read and written anew when somebody else wrote first. */
const writeAttempts = 10;
const conflictMs = 5;

export async function readImageState(client: Client): Promise<ImageState> {
  // Images first: what is pushed while the rest is read is not among them.
  const all = await listAll(client, images);
  const [streams, allPods, allBuilds, rest] = await Promise.all([listAll(client, imageStreams), listAll(client, pods), listAll(client, builds), Promise.all(others.map((of) => listAll(client, of)))]);
  return { images: all, streams, pods: allPods, builds: allBuilds, others: rest.flat() };
}

export async function imagesToPrune(client: Client, options: ImageOptions, now: Date): Promise<ImagePruning> {
  return planImages(await readImageState(client), options, now);
}

/** Answers with the images that are gone: one that came into use meanwhile stays. */
export async function pruneImages(client: Client, plan: ImagePruning, options: ImageOptions, now: Date): Promise<Image[]> {
  const pruned = new Set([...plan.images.map(({ metadata }) => metadata.name), ...plan.revisions.map(({ image }) => image)]);
  const touched = new Map(plan.revisions.map(({ namespace, stream }) => [`${namespace}/${stream}`, { namespace, name: stream }]));
  for (const at of touched.values()) await forget(client, at, pruned, options, now);
  const candidates = new Set(planImages(await readImageState(client), options, now).images.map(({ metadata }) => metadata.name));
  const gone: Image[] = [];
  for (const image of plan.images) if (candidates.has(image.metadata.name) && (await remove(client, image))) gone.push(image);
  return restoreUsed(client, gone, options, now);
}

/** Takes revisions of `pruned` images out of a stream's history. */
async function forget(client: Client, at: { namespace: string; name: string }, pruned: ReadonlySet<string>, options: ImageOptions, now: Date): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const current = await ifFound(client.get(imageStreams, at));
    if (!current) return;
    const tags = (current.status?.tags ?? []).map((list) => ({ ...list, items: (list.items ?? []).filter((event, index) => !pruned.has(event.image) || staysInTag(event, index, options, now)) }));
    const named = new Set((current.spec.tags ?? []).map(({ name }) => name));
    const next: ImageStream = { ...current, status: { dockerImageRepository: '', ...current.status, tags: tags.filter(({ tag, items, conditions }) => items.length > 0 || named.has(tag) || conditions) } };
    try {
      await client.update(imageStreams, next, { ...at, subresource: 'status' });
      return;
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return;
      if (!isStatusError(error, 'Conflict') || attempt >= writeAttempts) throw error;
      // A write that is not yet on disk cannot be read, only collided with.
      await sleep(attempt * conflictMs);
    }
  }
}

async function remove(client: Client, image: Image): Promise<boolean> {
  const { name, resourceVersion, uid } = image.metadata;
  try {
    await client.delete(images, { name }, { preconditions: { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) } });
    return true;
  } catch (error) {
    if (isStatusError(error, 'NotFound', 'Conflict')) return false;
    throw error;
  }
}

/** Between the last look and the deletion somebody may have come to use an image: then it is put back, and its content was never touched. */
async function restoreUsed(client: Client, gone: readonly Image[], options: ImageOptions, now: Date): Promise<Image[]> {
  if (gone.length === 0) return [];
  const state = await readImageState(client);
  const unused = new Set(planImages({ ...state, images: [...state.images, ...gone] }, options, now).images.map(({ metadata }) => metadata.name));
  const left: Image[] = [];
  for (const image of gone) {
    if (unused.has(image.metadata.name)) {
      left.push(image);
      continue;
    }
    const { name, annotations, labels } = image.metadata;
    await client.create(images, { ...image, metadata: { name, ...(annotations && { annotations }), ...(labels && { labels }) } }).catch((error: unknown) => {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    });
  }
  return left;
}

async function listAll<T extends KubeObject>(client: Client, of: Resource<T>): Promise<T[]> {
  const list = await ifFound(client.list(of));
  return list?.items ?? [];
}
