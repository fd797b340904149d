/** What the registry asks of imports: where an image of another registry comes from, and with which credentials it is fetched. */
import type { RegistryClient } from '../../../oci/registry-client.ts';
import type { RepositoryName } from './repository.ts';

export interface Origin {
  /** Host of the registry, `docker.io` for Docker Hub. */
  host: string;
  /** Repository there. */
  path: string;
  /** Plain HTTP and unknown certificates are accepted. */
  insecure?: boolean;
}

export interface Origins {
  /** Where the stream got the image from; none if it was pushed here. */
  find(repository: RepositoryName, digest: string): Promise<Origin[]>;
  /** With the pull secrets of the repository's project. Closed by whoever asked. */
  open(repository: RepositoryName, origin: Origin): Promise<RegistryClient>;
}

/** A registry that holds only what is pushed to it. */
export const noOrigins: Origins = {
  find: async () => [],
  open: () => Promise.reject(new Error('no other registry is known')),
};
