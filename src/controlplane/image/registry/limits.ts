/** What the registry asks of a project's limit ranges and quotas before it takes content. */
import type { RepositoryName } from './repository.ts';

export interface Limits {
  /** Most bytes that one image of the project may have, thus any of its blobs; `Infinity` if nothing says so. */
  largestImage(repository: RepositoryName): Promise<number>;
  /** Throws a `RegistryFailure` (403 DENIED) that says which limit is in the way; answers with warnings for the client. */
  admit(repository: RepositoryName, image: { digest: string; bytes: number; tags: readonly string[] }): Promise<string[]>;
}

export const noLimits: Limits = {
  largestImage: async () => Infinity,
  admit: async () => [],
};
