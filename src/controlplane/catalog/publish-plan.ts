/** What has to happen so that the builder image streams of project `openshift` tell the truth about this machine. Pure. */
import type { ImageStream, TagReference } from '../../api/kinds/image.ts';
import type { FoundToolchain } from '../../detect/search.ts';
import type { Toolchain } from '../../detect/toolchain.ts';
import { fingerprintOf } from './builder-image.ts';
import type { HostBuilder } from './host-builder.ts';

export interface PublishPlan {
  /** The stream as it should be; absent: there is nothing to say. */
  stream?: ImageStream;
  /** Push an image of that toolchain under these tags. */
  push: Offer[];
}

export interface Offer {
  builder: HostBuilder;
  toolchain: FoundToolchain;
  tags: string[];
}

/** More versions of one toolchain than this are left out: a machine of a version manager may hold dozens. */
const mostOthers = 8;

/** Tags of a builder by the toolchain that stands for each: the first found is `latest`, every other version has its own. */
export function offersOf(builder: HostBuilder, toolchain: Toolchain | undefined): Offer[] {
  const found = toolchain?.found;
  if (!found) return [];
  const seen = new Set([builder.tag(found.version)]);
  const others = toolchain.others.flatMap((one) => {
    const tag = builder.tag(one.version);
    if (seen.has(tag)) return [];
    seen.add(tag);
    // Builds of a version that few ask for make its environment themselves: made here, each would cost every start seconds.
    return [{ builder: { ...builder, virtualEnvironment: false }, toolchain: one, tags: [tag] }];
  });
  return [...others.slice(0, mostOthers), { builder, toolchain: found, tags: [builder.tag(found.version), 'latest'] }];
}

/** `published`: fingerprint of the image under a tag, by tag; absent if there is none. */
export function planBuilder(builder: HostBuilder, toolchain: Toolchain | undefined, existing: ImageStream | undefined, published: ReadonlyMap<string, string | undefined>): PublishPlan {
  const offers = offersOf(builder, toolchain);
  const all = offers.flatMap(({ tags }) => tags);
  if (offers.length === 0) return { ...(existing && { stream: withTags(existing, (existing.spec.tags ?? []).map((tag) => hidden(tag, toolchain?.missing?.why ?? 'its toolchain is not on this machine'))) }), push: [] };
  // A version whose toolchain is gone stays for builds that name it, out of sight.
  const gone = (existing?.spec.tags ?? []).filter((tag) => !all.includes(tag.name)).map((tag) => hidden(tag, `this machine has ${offers.map((one) => one.toolchain.version).join(', ')} now`));
  const own = offers.flatMap(({ toolchain: one, tags }) => tags.map((name) => tagOf(builder, one, name)));
  const isThere = (tag: string) => existing?.status?.tags?.some((one) => one.tag === tag && (one.items?.length ?? 0) > 0) ?? false;
  const push = offers.filter((one) => !one.tags.every((tag) => isThere(tag) && published.get(tag) === fingerprintOf(one.builder, one.toolchain)));
  return { stream: withTags(existing ?? newStream(builder), [...gone, ...own]), push };
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
  const { sampleRepo, sampleContextDir } = builder;
  return {
    name,
    annotations: {
      description: builder.description,
      iconClass: builder.icon,
      'openshift.io/display-name': `${builder.displayName} ${version}${name === 'latest' ? ' (latest)' : ''}`,
      'openshift.io/provider-display-name': 'Slipway',
      ...(sampleRepo && { sampleRepo }),
      ...(sampleContextDir && { sampleContextDir }),
      supports: builder.supports.split(',').flatMap((one) => [one, `${one}:${version}`]).join(','),
      tags: `builder,${builder.name}`,
      version,
      'slipway.dev/toolchain': `${toolchain.program} ${toolchain.version}`,
    },
  };
}

function hidden(tag: TagReference, why: string): TagReference {
  const words = (tag.annotations?.tags ?? 'builder').split(',').filter((word) => word !== 'hidden');
  return { ...tag, annotations: { ...tag.annotations, tags: [...words, 'hidden'].join(','), 'slipway.dev/unavailable': why } };
}
