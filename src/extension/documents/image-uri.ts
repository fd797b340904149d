/** Addresses of image reports: `slipway-image:/<cluster>/<project>/<stream>@<digest>.txt`. */
import type { UriParts } from './object-uri.ts';

export const imageScheme = 'slipway-image';

export interface ImageAddress {
  cluster: string;
  namespace: string;
  stream: string;
  digest: string;
}

export function imageUri({ cluster, namespace, stream, digest }: ImageAddress): UriParts {
  return { scheme: imageScheme, path: `/${[cluster, namespace, `${stream}@${digest}.txt`].map((part) => part.replaceAll('%', '%25').replaceAll('/', '%2F')).join('/')}` };
}

export function parseImageUri({ path }: { path: string }): ImageAddress | undefined {
  const [cluster, namespace, file, ...more] = path.slice(1).split('/').map((part) => part.replaceAll('%2F', '/').replaceAll('%25', '%'));
  const [, stream, digest] = /^([^@]+)@(.+)\.txt$/.exec(file ?? '') ?? [];
  return cluster && namespace && stream && digest && more.length === 0 ? { cluster, namespace, stream, digest } : undefined;
}
