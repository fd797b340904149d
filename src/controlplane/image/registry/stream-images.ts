/** Images that a stream shows though they were not pushed to it: tagged across from another stream, or imported. Their content is linked when first asked for. */
import { parseManifest } from '../../../oci/manifest.ts';
import type { Parts } from './exchange.ts';
import type { ManifestLink } from './links.ts';
import type { Origin } from './origins.ts';
import { referrerOf } from './referrer.ts';
import type { RepositoryName } from './repository.ts';

/** The link of a manifest that `repository` holds or whose image its stream shows; its bytes are here, unless only `local` content was asked for. */
export async function findManifest(parts: Parts, repository: RepositoryName, digest: string, local = false): Promise<ManifestLink | undefined> {
  const { links, blobs, streams, through } = parts;
  const link = await links.manifest(repository, digest);
  if (link && (local || (await blobs.size(digest)) !== undefined)) return link;
  if (link?.origin) return through.manifest(repository, digest, link.origin);
  if (!(await streams.holds(repository, digest))) return undefined;
  const bytes = await blobs.read(digest);
  if (!bytes) return local ? undefined : through.manifest(repository, digest);
  return linkHere(parts, repository, digest, bytes);
}

/** Links the content of an image that is here but belongs to another repository; what of it is not here is fetched when it is asked for. */
async function linkHere(parts: Parts, repository: RepositoryName, digest: string, bytes: Buffer, from?: Origin): Promise<ManifestLink> {
  const { links, blobs, use, through } = parts;
  const parsed = parseManifest(bytes);
  const origin = from ?? (await through.origin(repository, digest));
  for (const part of parsed.kind === 'image' ? [parsed.manifest.config, ...parsed.manifest.layers] : []) {
    await use.exclusive(part.digest, async () => {
      use.linking(part.digest);
      if (origin) await links.addBlob(repository, part.digest, { origin, size: part.size });
      else if ((await blobs.size(part.digest)) !== undefined) await links.addBlob(repository, part.digest);
    });
  }
  for (const part of parsed.kind === 'index' ? parsed.manifest.manifests : []) {
    const child = await blobs.read(part.digest);
    if (child) await linkHere(parts, repository, part.digest, child, origin);
    else if (origin) await links.addManifest(repository, part.digest, { mediaType: part.mediaType, size: part.size, origin }, part);
  }
  const { subject } = parsed.manifest;
  const found: ManifestLink = { mediaType: parsed.mediaType, size: bytes.length, ...(subject && { subject: subject.digest }), ...(origin && { origin }) };
  await use.exclusive(digest, async () => {
    use.linking(digest);
    await links.addManifest(repository, digest, found, referrerOf(parsed, digest, bytes.length));
  });
  return found;
}

/** Whether a blob belongs to an image that the stream shows now; then it is linked. */
export async function linkFromStream(parts: Parts, repository: RepositoryName, digest: string): Promise<boolean> {
  for (const tag of (await parts.streams.tags(repository)) ?? []) {
    const image = await parts.streams.resolve(repository, tag);
    if (image === undefined || (await parts.links.manifest(repository, image)) || !(await findManifest(parts, repository, image, true))) continue;
    if (await parts.links.blob(repository, digest)) return true;
  }
  return false;
}
