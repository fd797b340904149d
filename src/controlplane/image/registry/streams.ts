/** What the registry asks of image streams, which own the tags. */
import type { ParsedManifest } from '../../../oci/manifest.ts';
import type { UserInfo } from '../../kernel/apiserver/kind.ts';
import type { RepositoryName } from './repository.ts';

export type PushedManifest = ParsedManifest & {
  digest: string;
  bytes: Buffer;
  /** Configuration of an image; absent for an index. */
  config?: Buffer;
};

export interface Streams {
  /** Tags that have an image; undefined if there is no such stream. */
  tags(repository: RepositoryName): Promise<string[] | undefined>;
  /** The digest under a tag. */
  resolve(repository: RepositoryName, tag: string): Promise<string | undefined>;
  /** True if any tag of the stream has, or had, the image. */
  holds(repository: RepositoryName, digest: string): Promise<boolean>;
  /** Records the image, and puts it under the tag if one is given; the stream is made if it is missing and `user` may make it. */
  put(repository: RepositoryName, tag: string | undefined, manifest: PushedManifest, user: UserInfo): Promise<void>;
  /** False if there is no such tag. */
  removeTag(repository: RepositoryName, tag: string): Promise<boolean>;
  /** Every stream as `<project>/<stream>`, in no order. */
  names(): Promise<string[]>;
  /** Digests of every image that is known, shown by a stream or not: what a sweep keeps. */
  images(): Promise<Set<string>>;
}
