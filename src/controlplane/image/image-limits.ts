/** Holds pushes and writes of image streams to the project's limit ranges and quotas. */
import { imageStreams, type ImageStream } from '../../api/kinds/image.ts';
import { limitRanges, resourceQuotas } from '../../api/kinds/quota.ts';
import { forbidden } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { ifFound } from '../../client/if-found.ts';
import type { Admission } from '../kernel/apiserver/ports.ts';
import type { LateClient } from '../kernel/boot/late-client.ts';
import { exceededImage, exceededQuota, exceededStream, imageLimits, imageUsage, withImage } from './image-limits-plan.ts';
import { RegistryFailure } from './registry/failure.ts';
import type { Limits } from './registry/limits.ts';
import { formatRepository, type RepositoryName } from './registry/repository.ts';

/** New streams, and tags that are added to a stream. What pushes add is checked by the registry, before it takes them. */
export function imageLimitsAdmission(late: LateClient): Admission {
  return {
    async admit({ operation, resource, object, old, context }) {
      if (operation === 'delete' || resource.plural !== imageStreams.plural || resource.group !== imageStreams.group || context.subresource !== undefined) return;
      const { ranges, quotas } = await rules(late.get(), context.namespace);
      const stream = object as ImageStream;
      let why = ranges.length > 0 ? exceededStream(imageLimits(ranges), old as ImageStream | undefined, stream) : undefined;
      if (why === undefined && operation === 'create' && quotas.length > 0) {
        const used = imageUsage((await late.get().list(imageStreams, { namespace: context.namespace })).items);
        why = exceededQuota(quotas, used, { ...used, streams: used.streams + 1 });
      }
      if (why !== undefined) throw forbidden(imageStreams, object.metadata.name ?? '', why);
    },
  };
}

export class RegistryLimits implements Limits {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async largestImage({ namespace }: RepositoryName): Promise<number> {
    return imageLimits((await rules(this.#client, namespace)).ranges).imageBytes;
  }

  async admit(repository: RepositoryName, image: { digest: string; bytes: number; tags: readonly string[] }): Promise<string[]> {
    const { namespace, name } = repository;
    const { ranges, quotas } = await rules(this.#client, namespace);
    if (ranges.length === 0 && quotas.length === 0) return [];
    const limits = imageLimits(ranges);
    const streams = (await this.#client.list(imageStreams, { namespace })).items;
    const known = await ifFound(this.#client.get(imageStreams, { namespace, name }));
    const before = known ?? { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name, namespace }, spec: {} };
    const after = image.tags.length > 0 ? withImage(before, image.digest, image.tags) : before;
    const used = imageUsage(streams);
    const next = imageUsage([...streams.filter(({ metadata }) => metadata.name !== name), ...(known || image.tags.length > 0 ? [after] : [])]);
    const why = exceededImage(limits, image.bytes) ?? exceededStream(limits, known, after) ?? exceededQuota(quotas, used, next);
    if (why !== undefined) throw new RegistryFailure(403, 'DENIED', `${formatRepository(repository)}: ${why}; prune images (slipway prune images) or ask for a higher limit`);
    // The last that fits: the next push will be refused.
    const last = exceededQuota(quotas, next, { streams: next.streams, images: next.images + 1 });
    return last === undefined || next.images === used.images ? [] : [`this was the last image that project ${namespace} may have: ${last}`];
  }
}

/** Why an import that makes `next` of a stream is refused. The size of an image is no matter of it: that bounds what is pushed (OpenShift docs, "Image limits"). */
export async function exceededByImport(client: Client, before: ImageStream | undefined, next: ImageStream): Promise<string | undefined> {
  const { namespace, name } = next.metadata;
  const { ranges, quotas } = await rules(client, namespace);
  if (ranges.length === 0 && quotas.length === 0) return undefined;
  const streams = (await client.list(imageStreams, { namespace })).items;
  const after = [...streams.filter(({ metadata }) => metadata.name !== name), next];
  return exceededStream(imageLimits(ranges), before, next) ?? exceededQuota(quotas, imageUsage(streams), imageUsage(after));
}

async function rules(client: Client, namespace: string | undefined) {
  const [ranges, quotas] = await Promise.all([client.list(limitRanges, { namespace }), client.list(resourceQuotas, { namespace })]);
  return { ranges: ranges.items, quotas: quotas.items };
}
