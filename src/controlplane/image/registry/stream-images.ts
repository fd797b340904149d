/** Images that a stream shows though they were pushed to another (tagged across): their content is linked when first asked for. */
import { parseManifest } from '../../../oci/manifest.ts';
import type { Parts } from './exchange.ts';
import type { ManifestLink } from './links.ts';
import type { RepositoryName } from './repository.ts';

/** The link of a manifest that `repository` holds or whose image its stream shows. */
export async function findManifest({ links, blobs, streams }: Parts, repository: RepositoryName, digest: string): Promise<ManifestLink | undefined> {
  const link = await links.manifest(repository, digest);
  if (link) return link;
  if (!(await streams.holds(repository, digest))) return undefined;
  const bytes = await blobs.read(digest);
  if (!bytes) return undefined;
  const parsed = parseManifest(bytes);
  const descriptors = parsed.kind === 'image' ? [parsed.manifest.config, ...parsed.manifest.layers] : [];
  for (const { digest: blob } of descriptors) if ((await blobs.size(blob)) !== undefined) await links.addBlob(repository, blob);
  const found = { mediaType: parsed.mediaType, size: bytes.length };
  await links.addManifest(repository, digest, found, { ...found, digest });
  return found;
}

/** Whether a blob belongs to an image that the stream shows now; then it is linked. */
export async function linkFromStream(parts: Parts, repository: RepositoryName, digest: string): Promise<boolean> {
  for (const tag of (await parts.streams.tags(repository)) ?? []) {
    const image = await parts.streams.resolve(repository, tag);
    if (image === undefined || (await parts.links.manifest(repository, image)) || !(await findManifest(parts, repository, image))) continue;
    if (await parts.links.hasBlob(repository, digest)) return true;
  }
  return false;
}
