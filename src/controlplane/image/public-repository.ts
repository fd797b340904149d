/** Keeps the streams' public repositories true: the registry may listen on another port after a restart. */
import { imageStreams } from '../../api/kinds/image.ts';
import { keyOf, splitKey } from '../../api/meta.ts';
import { ifFound } from '../../client/if-found.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller } from '../kernel/reconcile/controller.ts';
import { changeStream } from './stream-writes.ts';

export function keepPublicRepositories({ client, clock, log, scope, informers }: ModuleContext, publicHost: () => string | undefined): void {
  const streams = informers.for(imageStreams);
  const wanted = (key: string) => {
    const host = publicHost();
    return host && `${host}/${key}`;
  };
  const loop = scope.own(controller({
    name: 'public-repository', workers: 2, clock, log,
    async reconcile(key) {
      const repository = wanted(key);
      if (!repository) return;
      await ifFound(changeStream(client, { ...splitKey(key), subresource: 'status' }, (stream) => {
        if (stream.status?.publicDockerImageRepository === repository) return undefined;
        return { ...stream, status: { dockerImageRepository: '', ...stream.status, publicDockerImageRepository: repository } };
      }));
    },
  }));
  scope.own(streams.onChange(({ type, object }) => {
    const key = keyOf(object);
    if (type !== 'deleted' && wanted(key) !== object.status?.publicDockerImageRepository) loop.enqueue(key);
  }));
}
