/**
 * References to the platform's own registry as people outside of pods see it: on this machine's loopback, which pods and their nodes do not share. Its streams tell that address
 * (`status.publicDockerImageRepository`), from where it is copied into pods.
 */
import { imageStreams } from '../../api/kinds/image.ts';
import { isStatusError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { formatReference, internalReference, parseReference } from '../../oci/reference.ts';

const loopback = /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\]):(\d+)$/;

/** The same image by the registry's name inside; any other reference as it is. */
export async function reachableReference(client: Client, image: string): Promise<string> {
  if (!/^(?:127\.|localhost:|\[::1\]:)/.test(image)) return image;
  const { host, path, ...at } = parseReference(image);
  const port = loopback.exec(host)?.[1];
  const [namespace = '', name = '', ...more] = path.split('/');
  if (port === undefined || name === '' || more.length > 0) return image;
  try {
    const { status } = await client.get(imageStreams, { namespace, name });
    return status?.publicDockerImageRepository === formatReference({ host: `127.0.0.1:${port}`, path }) ? internalReference(namespace, name, at) : image;
  } catch (error) {
    if (isStatusError(error, 'NotFound') || isStatusError(error, 'Forbidden')) return image;
    throw error;
  }
}
