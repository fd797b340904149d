/** Tags of the registry, kept in image streams through the API like everyone's. */
import { latestEvent } from '../../api/image-tags.ts';
import { imageMarks, images, imageStreamMappings, imageStreams, imageStreamTags, type Image, type ImageStream } from '../../api/kinds/image.ts';
import { isStatusError, type StatusError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { internalReference } from '../../oci/reference.ts';
import type { UserInfo } from '../kernel/apiserver/kind.ts';
import type { Authorizer } from '../kernel/apiserver/ports.ts';
import { imageOf } from './image-document.ts';
import { RegistryFailure } from './registry/failure.ts';
import { formatRepository, type RepositoryName } from './registry/repository.ts';
import type { PushedManifest, Streams } from './registry/streams.ts';
import { onceMade } from './stream-writes.ts';
import { imagesOf } from './tag-history.ts';

export class RegistryStreams implements Streams {
  readonly #client: Client;
  readonly #authorize: Authorizer;

  constructor(client: Client, authorize: Authorizer) {
    this.#client = client;
    this.#authorize = authorize;
  }

  async tags(repository: RepositoryName): Promise<string[] | undefined> {
    const stream = await this.#stream(repository);
    return stream && (stream.status?.tags ?? []).filter(({ items }) => items?.[0]?.image).map(({ tag }) => tag);
  }

  async resolve(repository: RepositoryName, tag: string): Promise<string | undefined> {
    const stream = await this.#stream(repository);
    return (stream && latestEvent(stream, tag)?.image) || undefined;
  }

  async holds(repository: RepositoryName, digest: string): Promise<boolean> {
    const stream = await this.#stream(repository);
    return stream !== undefined && imagesOf(stream).has(digest);
  }

  async put(repository: RepositoryName, tag: string | undefined, manifest: PushedManifest, user: UserInfo): Promise<void> {
    const { namespace, name } = repository;
    const image = imageOf(manifest, internalReference(namespace, name, { digest: manifest.digest }), true);
    const { subject } = manifest.manifest;
    if (subject) image.metadata.annotations = { ...image.metadata.annotations, [imageMarks.subject]: subject.digest };
    if (tag === undefined) {
      await this.#client.create(images, image).catch((error: unknown) => {
        if (!isStatusError(error, 'AlreadyExists')) throw translate(error, repository);
      });
      return;
    }
    await this.#map(repository, tag, image, user);
    // Whoever prunes may have deleted the image, which nothing showed, a moment before the tag did.
    await this.#client.get(images, { name: image.metadata.name }).catch(async (error: unknown) => {
      if (!isStatusError(error, 'NotFound')) throw error;
      await this.#client.create(images, image);
    });
  }

  async #map(repository: RepositoryName, tag: string, image: Image, user: UserInfo): Promise<void> {
    const { namespace, name } = repository;
    const mapping = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamMapping', metadata: { name, namespace }, image, tag };
    try {
      await this.#client.create(imageStreamMappings, mapping, { namespace });
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw translate(error, repository);
      await this.#provision(repository, user);
      await onceMade(() => this.#client.create(imageStreamMappings, mapping, { namespace })).catch((again: unknown) => {
        throw translate(again, repository);
      });
    }
  }

  async names(): Promise<string[]> {
    const { items } = await this.#client.list(imageStreams);
    return items.map(({ metadata }) => formatRepository({ namespace: metadata.namespace ?? '', name: metadata.name }));
  }

  async images(): Promise<Set<string>> {
    // Streams first: an image that is deleted meanwhile was shown by none.
    const shown = (await this.#client.list(imageStreams)).items.flatMap((stream) => [...imagesOf(stream)]);
    return new Set([...shown, ...(await this.#client.list(images)).items.map(({ metadata }) => metadata.name)]);
  }

  async removeTag({ namespace, name }: RepositoryName, tag: string): Promise<boolean> {
    try {
      await this.#client.delete(imageStreamTags, { namespace, name: `${name}:${tag}` });
      return true;
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return false;
      throw error;
    }
  }

  async #stream({ namespace, name }: RepositoryName): Promise<ImageStream | undefined> {
    return this.#client.get(imageStreams, { namespace, name }).catch((error: unknown) => {
      if (!isStatusError(error, 'NotFound')) throw error;
      return undefined;
    });
  }

  async #provision(repository: RepositoryName, user: UserInfo): Promise<void> {
    const { namespace, name } = repository;
    const allowed = user.groups.includes('system:masters') || (await this.#authorize(user, { verb: 'create', group: imageStreams.group, version: imageStreams.version, resource: imageStreams.plural, namespace })).allowed;
    if (!allowed) throw new RegistryFailure(403, 'DENIED', `image stream ${formatRepository(repository)} does not exist and user "${user.username}" may not create it`);
    const stream: ImageStream = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name, namespace }, spec: {} };
    await this.#client.create(imageStreams, stream, { namespace }).catch((error: unknown) => {
      if (!isStatusError(error, 'AlreadyExists')) throw translate(error, repository);
    });
  }
}

/** Refusals of the API in the registry's terms: their texts tell what to do. */
function translate(error: unknown, { namespace }: RepositoryName): unknown {
  if (!isStatusError(error)) return error;
  const { message, code }: StatusError = error;
  if (isStatusError(error, 'NotFound')) return new RegistryFailure(404, 'NAME_UNKNOWN', `project "${namespace}" does not exist; create it first (oc new-project ${namespace})`);
  if (isStatusError(error, 'Forbidden')) return new RegistryFailure(403, 'DENIED', message);
  return code < 500 ? new RegistryFailure(400, 'MANIFEST_INVALID', message) : error;
}
