/** Makes an application and starts its first build. */
import type { Readable } from 'node:stream';
import { buildConfigs, builds, type Build } from '../../api/kinds/build.ts';
import { services } from '../../api/kinds/core.ts';
import { deploymentConfigs } from '../../api/kinds/deployment-config.ts';
import { imageStreams } from '../../api/kinds/image.ts';
import { routes } from '../../api/kinds/route.ts';
import type { KubeObject } from '../../api/meta.ts';
import { resourcePath, type Resource } from '../../api/resource.ts';
import { isStatusError } from '../../api/status.ts';
import type { Client } from '../client.ts';
import { planApp, type AppOptions } from './app-plan.ts';
import { archiveSource, listSource } from './source-archive.ts';

/** Posts a body as it streams and answers with the parsed JSON. */
export type Upload = (path: string, body: Readable, signal?: AbortSignal) => Promise<unknown>;

export class AppExists extends Error {
  /** Kind of what stands in the way. */
  readonly kind: string;
  readonly app: string;
  readonly namespace: string;
  constructor(kind: string, app: string, namespace: string) {
    super(`${kind} "${app}" already exists in project "${namespace}". Choose another name, or delete it first.`);
    this.name = 'AppExists';
    this.kind = kind;
    this.app = app;
    this.namespace = namespace;
  }
}

/** Creates every object or none: what was made before a failure is deleted again. Resolves to the first build. */
export async function createApp(client: Client, upload: Upload, options: AppOptions & { sourceLimit?: number }, signal?: AbortSignal): Promise<Build> {
  const plan = planApp(options);
  const { name, namespace, source } = options;
  // Read before anything is made: a source that cannot be sent must leave nothing behind.
  const entries = source.type === 'folder' ? await listSource(source.folder, options.sourceLimit) : undefined;
  const made: { of: Resource; name: string }[] = [];
  const make = async <T extends KubeObject>(of: Resource<T>, object: T) => {
    try {
      await client.create(of, object, { namespace });
    } catch (error) {
      if (isStatusError(error, 'AlreadyExists')) throw new AppExists(of.kind, name, namespace);
      throw error;
    }
    made.push({ of, name });
  };
  try {
    await make(imageStreams, plan.imageStream);
    await make(deploymentConfigs, plan.deploymentConfig);
    await make(services, plan.service);
    if (plan.route) await make(routes, plan.route);
    await make(buildConfigs, plan.buildConfig);
    if (entries && source.type === 'folder') return await startBinaryBuild(upload, namespace, name, archiveSource(source.folder, entries), signal);
    return await firstBuild(client, namespace, name, signal);
  } catch (error) {
    for (const one of made.reverse()) await client.delete(one.of, { namespace, name: one.name }).catch(() => undefined);
    throw error;
  }
}

/** Sends `archive` (a gzip tar) as the input of a new build of `buildConfig`. */
export async function startBinaryBuild(upload: Upload, namespace: string, buildConfig: string, archive: Readable, signal?: AbortSignal): Promise<Build> {
  const path = resourcePath(buildConfigs, { namespace, name: buildConfig, subresource: 'instantiatebinary' });
  return (await upload(`${path}?name=${encodeURIComponent(buildConfig)}&namespace=${encodeURIComponent(namespace)}`, archive, signal)) as Build;
}

/** A build from Git is started by the ConfigChange trigger. */
async function firstBuild(client: Client, namespace: string, buildConfig: string, signal?: AbortSignal): Promise<Build> {
  const labelSelector = `openshift.io/build-config.name=${buildConfig}`;
  const { items, metadata } = await client.list(builds, { namespace, labelSelector });
  if (items[0]) return items[0];
  const watch = client.watch(builds, { namespace, labelSelector, resourceVersion: metadata.resourceVersion ?? '', ...(signal && { signal }) });
  try {
    for await (const event of watch) if (event.type === 'ADDED') return event.object;
  } finally {
    watch.dispose();
  }
  throw new Error(`No build of "${buildConfig}" was started.`);
}
