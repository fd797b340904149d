/** Image: what a digest is, known to all projects; made by the registry and by imports. */
import { images, type Image } from '../../api/kinds/image.ts';
import { required } from '../../api/status.ts';
import type { StoredKind } from '../kernel/apiserver/kind.ts';

export const imageKind: StoredKind<Image> = {
  type: 'stored',
  resource: images,
  nameRule: 'path',
  validate: (image) => (image.dockerImageReference ? [] : [required('dockerImageReference')]),
  columns: [
    { name: 'Name', type: 'string', format: 'name', cell: (image) => image.metadata.name },
    { name: 'Image Reference', type: 'string', description: 'DockerImageReference is the string that can be used to pull this image.', cell: (image) => image.dockerImageReference ?? '' },
  ],
};
