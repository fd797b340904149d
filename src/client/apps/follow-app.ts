/** Waits for an application's way from build to URL. */
import { builds, finishedPhases, type Build } from '../../api/kinds/build.ts';
import { routes } from '../../api/kinds/route.ts';
import { deploymentAnnotations, deploymentConfigs } from '../../api/kinds/deployment-config.ts';
import { replicationControllers } from '../../api/kinds/core.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import { isStatusError } from '../../api/status.ts';
import type { Client } from '../client.ts';
import { routerPorts, routeUrl } from './route-url.ts';

/** Follows one object until `done` says so; every state is shown to it once. Survives broken watches. Rejects when the object is deleted. */
export async function followObject<T extends KubeObject, R>(client: Client, of: Resource<T>, at: { namespace: string; name: string }, done: (object: T) => R | undefined, signal?: AbortSignal): Promise<R> {
  for (;;) {
    const object = await client.get(of, at);
    const result = done(object);
    if (result !== undefined) return result;
    const watch = client.watch(of, {
      namespace: at.namespace,
      fieldSelector: `metadata.name=${at.name}`,
      resourceVersion: object.metadata.resourceVersion ?? '',
      ...(signal && { signal }),
    });
    try {
      for await (const event of watch) {
        if (event.type === 'ERROR') break;
        if (event.type === 'BOOKMARK') continue;
        if (event.type === 'DELETED') throw new Error(`${of.kind} "${at.name}" was deleted.`);
        const next = done(event.object);
        if (next !== undefined) return next;
      }
    } finally {
      watch.dispose();
    }
    signal?.throwIfAborted();
  }
}

/** Resolves when the build has ended, whichever way. */
export function followBuild(client: Client, at: { namespace: string; name: string }, onState: (build: Build) => void, signal?: AbortSignal): Promise<Build> {
  return followObject(client, builds, at, (build) => {
    onState(build);
    return finishedPhases.includes(build.status.phase) ? build : undefined;
  }, signal);
}

/** Resolves once the newest deployment of the config is complete; rejects when it failed. */
export async function followRollout(client: Client, at: { namespace: string; name: string }, signal?: AbortSignal): Promise<void> {
  const version = await followObject(client, deploymentConfigs, at, (config) => config.status?.latestVersion || undefined, signal);
  await followWhenThere(client, { namespace: at.namespace, name: `${at.name}-${version}` }, signal);
}

async function followWhenThere(client: Client, at: { namespace: string; name: string }, signal?: AbortSignal): Promise<void> {
  const ended = (controller: KubeObject) => {
    const phase = controller.metadata.annotations?.[deploymentAnnotations.phase];
    if (phase === 'Failed') throw new Error(`Deployment "${at.name}" failed: ${controller.metadata.annotations?.[deploymentAnnotations.statusReason] ?? 'see the log of its deployer pod'}.`);
    return phase === 'Complete' ? true : undefined;
  };
  try {
    await followObject(client, replicationControllers, at, ended, signal);
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
    // The config names its new version just before the controller exists.
    const watch = client.watch(replicationControllers, { namespace: at.namespace, fieldSelector: `metadata.name=${at.name}`, ...(signal && { signal }) });
    try {
      for await (const event of watch) if (event.type !== 'DELETED' && event.type !== 'ERROR' && ended(event.object)) return;
    } finally {
      watch.dispose();
    }
  }
}

/** The route's URL once a router has admitted it. */
export async function followRoute(client: Client, at: { namespace: string; name: string }, signal?: AbortSignal): Promise<string> {
  const ports = await routerPorts(client);
  return followObject(client, routes, at, (route) => {
    const refused = route.status?.ingress?.flatMap((one) => one.conditions ?? []).find((condition) => condition.type === 'Admitted' && condition.status === 'False');
    if (refused) throw new Error(`Route "${at.name}" was refused: ${refused.message ?? refused.reason ?? 'no reason given'}.`);
    return routeUrl(route, ports);
  }, signal);
}
