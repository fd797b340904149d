/** `imagestreams/<name>/layers` and `/secrets`, read by pruners and by the import of images. */
import { secrets } from '../../api/kinds/core.ts';
import { images, imageStreams, type ImageStream } from '../../api/kinds/image.ts';
import type { KubeObject } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import type { Subresource } from '../kernel/apiserver/kind.ts';
import type { LateClient } from '../kernel/boot/late-client.ts';
import { imagesOf } from './tag-history.ts';

interface ImageStreamLayers extends KubeObject {
  blobs: Record<string, { size: number; mediaType: string }>;
  images: Record<string, { layers?: string[]; config?: string; manifests?: string[]; imageMissing?: boolean }>;
}

export const pullSecretTypes = ['kubernetes.io/dockerconfigjson', 'kubernetes.io/dockercfg'];

/** Blobs and images that can be pulled through the stream. */
export function layersSubresource(late: LateClient): Subresource<ImageStream> {
  return {
    type: 'action',
    methods: ['GET'],
    kind: 'ImageStreamLayers',
    async run({ namespace, name = '' }) {
      const client = late.get();
      const stream = await client.get(imageStreams, { namespace, name });
      const result: ImageStreamLayers = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamLayers', metadata: { ...stream.metadata }, blobs: {}, images: {} };
      for (const digest of imagesOf(stream)) {
        const image = await client.get(images, { name: digest }).catch((error: unknown) => {
          if (!isStatusError(error, 'NotFound')) throw error;
        });
        if (!image) {
          result.images[digest] = { imageMissing: true };
          continue;
        }
        for (const layer of image.dockerImageLayers ?? []) result.blobs[layer.name] = { size: layer.size, mediaType: layer.mediaType };
        const config = image.dockerImageMetadata?.Id;
        result.blobs[digest] = { size: 0, mediaType: image.dockerImageManifestMediaType ?? '' };
        result.images[digest] = { layers: (image.dockerImageLayers ?? []).map((layer) => layer.name), ...(config && { config }) };
      }
      return result;
    },
  };
}

/** The project's secrets that hold credentials of registries. */
export function secretsSubresource(late: LateClient): Subresource<ImageStream> {
  return {
    type: 'action',
    methods: ['GET'],
    kind: 'SecretList',
    async run({ namespace, name = '' }) {
      await late.get().get(imageStreams, { namespace, name });
      const all = await late.get().list(secrets, { namespace });
      return { ...all, apiVersion: 'image.openshift.io/v1', kind: 'SecretList', items: all.items.filter(({ type }) => pullSecretTypes.includes(type ?? '')) } as unknown as KubeObject;
    },
  };
}
