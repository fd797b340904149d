/** How a manifest with a subject is listed among the referrers of it (distribution specification, "Listing Referrers"). */
import type { Descriptor, ParsedManifest } from '../../../oci/manifest.ts';

export function referrerOf(parsed: ParsedManifest, digest: string, size: number): Descriptor {
  const artifactType = parsed.manifest.artifactType ?? (parsed.kind === 'image' ? parsed.manifest.config.mediaType : undefined);
  return {
    mediaType: parsed.mediaType,
    digest,
    size,
    ...(artifactType && { artifactType }),
    ...(parsed.manifest.annotations && { annotations: parsed.manifest.annotations }),
  };
}
