// Reads: image streams and image stream tags of project openshift.
// Writes: image streams of the host builders in project openshift, and their images through the registry.
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { imageStreams, imageStreamTags, type ImageStream, type ImageStreamTag } from '../../api/kinds/image.ts';
import { isStatusError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { detectToolchains, type Toolchain } from '../../detect/toolchain.ts';
import type { RegistryClient } from '../../oci/registry-client.ts';
import type { Module, ModuleContext } from '../kernel/boot/module.ts';
import { fingerprintLabel, makeBuilderImage } from './builder-image.ts';
import type { MakeImage } from './builder-process.ts';
import type { HostBuilder } from './host-builder.ts';
import { hostBuilders } from './host-builders.ts';
import { planBuilder, offersOf } from './publish-plan.ts';

export interface CatalogDependencies {
  /** A client of the internal registry that may push to project `openshift`. */
  registry: RegistryClient;
  /** A folder for what is made before it is pushed; emptied. */
  scratch: string;
  /** Tells each as soon as it is known. Default: looks at this machine. */
  toolchains?: (told: (toolchain: Toolchain) => void) => Promise<unknown>;
  /** Of builders with a virtual environment, which take memory to pack. Default: in this process. */
  makeImage?: MakeImage;
}

export interface CatalogModule extends Module {
  /** Folders outside `/usr` that the toolchains found need: the only ones a build may be given. Empty until the module has looked. */
  hostPaths(): readonly string[];
  /** Settles when every builder of this machine is published. Rejects if one could not be. */
  readonly published: Promise<void>;
}

const attempts = 5;

export function catalogModule({ registry, scratch, toolchains = (told) => detectToolchains(undefined, told), makeImage = makeBuilderImage }: CatalogDependencies): CatalogModule {
  let hostPaths: readonly string[] = [];
  let settle: { resolve(): void; reject(error: unknown): void } | undefined;
  const published = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  published.catch(() => undefined);

  const publishAll = async (context: ModuleContext): Promise<void> => {
    const ended = new AbortController();
    context.scope.defer(() => ended.abort());
    const publishOne = async (builder: HostBuilder, toolchain: Toolchain): Promise<void> => {
      if (context.scope.disposed) return;
      const make: typeof makeBuilderImage = (variant, ...given) => (variant.virtualEnvironment ? makeImage(variant, ...given, ended.signal) : makeBuilderImage(variant, ...given));
      await withRetries(context, () => publish(context.client, registry, builder, toolchain, join(scratch, builder.name), make));
      if (toolchain.missing) context.log.info('builder not offered', { builder: builder.name, why: toolchain.missing.why });
    };
    // A virtual environment takes seconds to make: nobody who needs none waits for it.
    const queues = { quick: Promise.resolve(), slow: Promise.resolve() };
    const paths = new Set<string>();
    await toolchains((toolchain) => {
      for (const one of [...(toolchain.found ? [toolchain.found] : []), ...toolchain.others]) for (const path of one.hostPaths) paths.add(path);
      hostPaths = [...paths];
      const builder = hostBuilders.find((one) => one.name === toolchain.builder);
      if (!builder) return;
      const queue = builder.virtualEnvironment ? 'slow' : 'quick';
      queues[queue] = queues[queue].then(() => publishOne(builder, toolchain));
      queues[queue].catch(() => undefined);
    });
    await Promise.all([queues.quick, queues.slow]);
  };

  return {
    name: 'catalog',
    dependsOn: ['image'],
    kinds: [],
    hostPaths: () => hostPaths,
    published,
    // The API is ready before the builders are: making one can take seconds, and only builds wait for it.
    start(context) {
      void publishAll(context).then(
        () => settle?.resolve(),
        (error: unknown) => {
          if (!context.scope.disposed) context.log.error('builders could not be published', { error });
          settle?.reject(error);
        },
      );
      return Promise.resolve();
    },
  };
}

/** A conflict, or a registry that is not up yet, passes; five times is enough for both. */
async function withRetries(context: ModuleContext, work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= attempts || context.scope.disposed) throw error;
      await new Promise<void>((resolve) => context.scope.own(context.clock.after(200 * 2 ** attempt, resolve)));
    }
  }
}

async function publish(client: Client, registry: RegistryClient, builder: HostBuilder, toolchain: Toolchain | undefined, scratch: string, makeImage: typeof makeBuilderImage): Promise<void> {
  const existing = await client.get<ImageStream>(imageStreams, { namespace: 'openshift', name: builder.name }).catch(ignoreMissing);
  const tags = offersOf(builder, toolchain).flatMap((one) => one.tags);
  const published = new Map(existing ? await Promise.all(tags.map(async (tag) => [tag, await publishedFingerprint(client, `${builder.name}:${tag}`)] as const)) : []);
  const plan = planBuilder(builder, toolchain, existing, published);
  if (plan.stream) {
    if (!existing) await client.create(imageStreams, plan.stream, { namespace: 'openshift' });
    else if (JSON.stringify(existing.spec) !== JSON.stringify(plan.stream.spec)) await client.update(imageStreams, plan.stream, { namespace: 'openshift', name: builder.name });
  }
  for (const { builder: variant, toolchain: found, tags: names } of plan.push) {
    await rm(scratch, { recursive: true, force: true });
    await mkdir(scratch, { recursive: true, mode: 0o700 });
    try {
      const { image, layer } = await makeImage(variant, found, scratch);
      const blobs = [{ digest: layer.digest, size: layer.size, content: layer.path }, { digest: image.config.digest, size: image.config.size, content: image.config.bytes }];
      for (const tag of names) await registry.pushImage(`openshift/${builder.name}`, tag, { blobs, manifest: image.manifest });
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
}

async function publishedFingerprint(client: Client, name: string): Promise<string | undefined> {
  const tag = await client.get<ImageStreamTag>(imageStreamTags, { namespace: 'openshift', name }).catch(ignoreMissing);
  return tag?.image.dockerImageMetadata?.Config?.Labels?.[fingerprintLabel];
}

function ignoreMissing(error: unknown): undefined {
  if (isStatusError(error, 'NotFound')) return undefined;
  throw error;
}
