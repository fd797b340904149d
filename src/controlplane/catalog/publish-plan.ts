/** What has to happen so that the builder image streams of project `openshift` tell the truth about this machine. Pure. */
import type { ImageStream, TagReference } from '../../api/kinds/image.ts';
import type { FoundToolchain, } from '../../detect/search.ts';
import type { Toolchain } from '../../detect/toolchain.ts';
import { fingerprintOf } from './builder-image.ts';
import type { HostBuilder } from './host-builder.ts';

export interface PublishPlan {
  /** The stream as it should be; absent: there is nothing to say. */
  stream?: ImageStream;
  /** Push the image under these tags. */
  push?: { toolchain: FoundToolchain; tags: string[] };
}

/** `published`: fingerprint of the image under `latest`, if there is one. */
export function planBuilder(builder: HostBuilder, toolchain: Toolchain | undefined, existing: ImageStream | undefined, published: string | undefined): PublishPlan {
  const found = toolchain?.found;
  if (!found) return existing ? { stream: withTags(existing, (existing.spec.tags ?? []).map((tag) => hidden(tag, toolchain?.missing?.why ?? 'its toolchain is not on this machine'))) } : {};
  const tags = [builder.tag(found.version), 'latest'];
  const own = tags.map((name) => tagOf(builder, found, name));
  // An older version whose toolchain is gone stays for builds that name it, out of sight.
  const older = (existing?.spec.tags ?? []).filter((tag) => !tags.includes(tag.name)).map((tag) => hidden(tag, `this machine has ${found.version} now`));
  const stream = withTags(existing ?? newStream(builder), [...older, ...own]);
  const isCurrent = published === fingerprintOf(builder, found) && tags.every((tag) => existing?.status?.tags?.some((one) => one.tag === tag && (one.items?.length ?? 0) > 0));
  return { stream, ...(!isCurrent && { push: { toolchain: found, tags } }) };
}

function newStream(builder: HostBuilder): ImageStream {
  return {
    apiVersion: 'image.openshift.io/v1',
    kind: 'ImageStream',
    metadata: { name: builder.name, namespace: 'openshift', annotations: { 'openshift.io/display-name': builder.displayName } },
    spec: {},
  };
}

function withTags(stream: ImageStream, tags: TagReference[]): ImageStream {
  return { ...stream, spec: { ...stream.spec, tags } };
}

function tagOf(builder: HostBuilder, toolchain: FoundToolchain, name: string): TagReference {
  const version = builder.tag(toolchain.version);
  return {
    name,
    annotations: {
      description: builder.description,
      iconClass: builder.icon,
      'openshift.io/display-name': `${builder.displayName} ${version}${name === 'latest' ? ' (latest)' : ''}`,
      'openshift.io/provider-display-name': 'Slipway',
      supports: builder.supports.split(',').flatMap((one) => [one, `${one}:${version}`]).join(','),
      tags: `builder,${builder.name}`,
      version,
    },
  };
}

function hidden(tag: TagReference, why: string): TagReference {
  const words = (tag.annotations?.tags ?? 'builder').split(',').filter((word) => word !== 'hidden');
  return { ...tag, annotations: { ...tag.annotations, tags: [...words, 'hidden'].join(','), 'slipway.dev/unavailable': why } };
}
