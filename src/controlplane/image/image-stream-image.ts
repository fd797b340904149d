/** ImageStreamImage `<stream>@<digest>`: an image seen through a stream that has or had it. */
import { images, imageStreamImages, imageStreams, type ImageStreamImage } from '../../api/kinds/image.ts';
import { badRequest, conflict, isStatusError, notFound } from '../../api/status.ts';
import type { VirtualKind } from '../kernel/apiserver/kind.ts';
import { withReference } from './image-stream-tag.ts';
import type { LateClient } from '../kernel/boot/late-client.ts';
import { agoOf } from '../../api/relative-time.ts';
import { findImage } from './tag-history.ts';

export function imageStreamImageKind(late: LateClient): VirtualKind<ImageStreamImage> {
  return {
    type: 'virtual',
    resource: imageStreamImages,
    columns: [
      { name: 'Name', type: 'string', format: 'name', cell: (one) => one.metadata.name },
      { name: 'Updated', type: 'string', description: 'Last update time.', cell: (one, now) => agoOf(one.metadata.creationTimestamp, now) },
      { name: 'Image Reference', type: 'string', priority: 1, description: 'DockerImageReference is the string that can be used to pull this image.', cell: (one) => one.image.dockerImageReference ?? '' },
      { name: 'Image Name', type: 'string', priority: 1, description: 'image associated with the ImageStream and image name.', cell: (one) => one.image.metadata.name },
    ],
    async get({ namespace }, name) {
      const at = name.indexOf('@');
      const [streamName, id] = [name.slice(0, at), name.slice(at + 1)];
      if (at <= 0 || id === '') throw badRequest('ImageStreamImages must be retrieved with <name>@<id>');
      const stream = await late.get().get(imageStreams, { namespace, name: streamName }).catch((error: unknown) => {
        throw isStatusError(error, 'NotFound') ? notFound(imageStreamImages, name) : error;
      });
      const event = findImage(stream, id);
      if (event === 'ambiguous') throw conflict(imageStreamImages, name, `multiple images or istags match the prefix "${id}"`);
      if (!event) throw notFound(imageStreamImages, name);
      const image = await late.get().get(images, { name: event.image });
      return {
        apiVersion: 'image.openshift.io/v1',
        kind: 'ImageStreamImage',
        metadata: {
          name: `${streamName}@${event.image}`,
          namespace: namespace ?? '',
          ...(stream.metadata.uid && { uid: stream.metadata.uid }),
          ...(stream.metadata.resourceVersion && { resourceVersion: stream.metadata.resourceVersion }),
          ...(image.metadata.creationTimestamp && { creationTimestamp: image.metadata.creationTimestamp }),
          ...(stream.metadata.labels && { labels: stream.metadata.labels }),
        },
        image: withReference(image, event.dockerImageReference),
      };
    },
  };
}
