/** `imagestreams/<name>/layers` and `/secrets`, read by pruners and by the import of images. */
import { secrets } from '../../api/kinds/core.ts';
import { imageAnnotations, images, imageStreams, type Image, type ImageStream, type ImageStreamLayers } from '../../api/kinds/image.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { Client } from '../../client/client.ts';
import { ifFound } from '../../client/if-found.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import type { Subresource } from '../kernel/apiserver/kind.ts';
import type { LateClient } from '../kernel/boot/late-client.ts';
import { pullSecretTypes } from './stream-imports.ts';
import { imagesOf } from './tag-history.ts';

/** Blobs and images that can be pulled through the stream. */
export function layersSubresource(late: LateClient): Subresource<ImageStream> {
  return {
    type: 'action',
    methods: ['GET'],
    kind: 'ImageStreamLayers',
    async run({ namespace, name = '' }) {
      const client = late.get();
      const stream = await client.get(imageStreams, { namespace, name });
      const { managedFields: _managed, ...metadata } = stream.metadata;
      const result: ImageStreamLayers = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamLayers', metadata, blobs: {}, images: {} };
      for (const digest of imagesOf(stream)) await addImage(client, result, digest);
      return result;
    },
  };
}

async function addImage(client: Client, result: ImageStreamLayers, digest: string): Promise<void> {
  if (result.images[digest]) return;
  const image = await ifFound(client.get(images, { name: digest }));
  if (!image) {
    result.images[digest] = { imageMissing: true };
    return;
  }
  const layers = image.dockerImageLayers ?? [];
  const manifests = image.dockerImageManifests ?? [];
  const config = configOf(image);
  for (const { name, size, mediaType } of layers) result.blobs[name] ??= { size, mediaType };
  if (config) result.blobs[config.digest] ??= { size: null, mediaType: config.mediaType };
  // The manifest itself is a blob, too; how large it is only the registry knows.
  result.blobs[digest] ??= { size: null, mediaType: image.dockerImageManifestMediaType ?? '' };
  result.images[digest] = {
    ...(layers.length > 0 && { layers: layers.map(({ name }) => name) }),
    ...(config && { config: config.digest }),
    ...(manifests.length > 0 && { manifests: manifests.map((one) => one.digest) }),
  };
  for (const one of manifests) await addImage(client, result, one.digest);
}

const configTypes: Record<string, string> = { [mediaTypes.manifest]: mediaTypes.config, [mediaTypes.dockerManifest]: mediaTypes.dockerConfig };

function configOf({ dockerImageMetadata, dockerImageManifestMediaType = '' }: Image): { digest: string; mediaType: string } | undefined {
  const mediaType = configTypes[dockerImageManifestMediaType];
  return mediaType && dockerImageMetadata?.Id ? { digest: dockerImageMetadata.Id, mediaType } : undefined;
}

/** The project's secrets that hold credentials of registries. The name is not looked at: a stream that is to be imported may not exist yet. */
export function secretsSubresource(late: LateClient): Subresource<ImageStream> {
  return {
    type: 'action',
    methods: ['GET'],
    kind: 'SecretList',
    apiVersion: 'v1',
    async run({ namespace }) {
      const all = await late.get().list(secrets, { namespace });
      const items = all.items.filter(({ type, metadata }) => pullSecretTypes.includes(type ?? '') && metadata.annotations?.[imageAnnotations.excludeSecret] !== 'true');
      return { ...all, apiVersion: 'v1', kind: 'SecretList', items } as unknown as KubeObject;
    },
  };
}
