/** What assemble needs besides the source: the builder image's root, and a slot of the dependency cache. None of it waits for the source. */
import { join } from 'node:path';
import { assembleUser, checkAssembleUser } from './assemble-user.ts';
import { findBuilder, type BuilderImage } from './builder-image.ts';
import { openDependencyCache } from './dependency-cache.ts';
import { onBuildForbidden } from './failure.ts';
import type { BuildRoot, RootVolume } from './root/build-root.ts';
import { openRoot } from './root/open-root.ts';
import type { BuildSettings } from './settings.ts';

export interface StartedBuilder {
  builder: BuilderImage;
  root: BuildRoot;
  /** Of assemble alone. */
  env: Record<string, string>;
  dispose(): Promise<void>;
}

/** Rejects with a `BuildFailure`, or with the signal's reason; nothing is left open then. */
export async function startBuilder(settings: BuildSettings, from: string, say: (text: string) => void, signal: AbortSignal): Promise<StartedBuilder> {
  const [dependencies, found] = await Promise.allSettled([openDependencyCache(settings), findBuilder(settings, from, signal)]);
  const cache = dependencies.status === 'fulfilled' ? dependencies.value : undefined;
  try {
    if (found.status === 'rejected') throw found.reason;
    const builder = found.value;
    try {
      checkBuilder(builder, from);
      const root = await openRoot(settings, builder, say, signal, { user: assembleUser(builder), volumes: [...volumesOf(settings), ...(cache?.volumes ?? [])] });
      return {
        builder, root, env: cache?.env ?? {},
        async dispose() {
          await root.dispose();
          await cache?.close();
          builder.registry.close();
        },
      };
    } catch (error) {
      builder.registry.close();
      throw error;
    }
  } catch (error) {
    await cache?.close();
    throw error;
  }
}

function checkBuilder(builder: BuilderImage, reference: string): void {
  const onBuild = builder.image.config.config?.OnBuild ?? [];
  if (onBuild.length > 0) throw onBuildForbidden(reference, onBuild);
  checkAssembleUser(builder, reference, process.env);
}

function volumesOf({ build, volumes }: BuildSettings): RootVolume[] {
  return (build.spec.strategy.sourceStrategy?.volumes ?? []).flatMap(({ name, mounts }) => mounts.map(({ destinationPath }) => ({ source: join(volumes, name), path: destinationPath })));
}
