// Reads images, image streams, image pruners, secrets (credentials of other registries), limit ranges and quotas; when images are pruned, whatever names one.
// Writes images, image streams and their status, the image pruner, the status of quotas; image names in pods and what makes them, as they are admitted.
import type { Module } from '../kernel/boot/module.ts';
import { images, imageStreams } from '../../api/kinds/image.ts';
import type { KubeObject } from '../../api/meta.ts';
import { kind } from '../kernel/apiserver/kind.ts';
import type { Authorizer, TokenReviewer } from '../kernel/apiserver/ports.ts';
import { imageKind } from './image.ts';
import { imageStreamImageKind } from './image-stream-image.ts';
import { imageStreamMappingKind } from './image-stream-mapping.ts';
import { imageStreamTagKind } from './image-stream-tag.ts';
import { imageStreamKind } from './image-stream.ts';
import { imageStreamImportKind } from './image-stream-import.ts';
import { imageLimitsAdmission, RegistryLimits } from './image-limits.ts';
import { imagePolicy } from './image-policy.ts';
import { startImageQuotaController } from './image-quota-controller.ts';
import { imageTagKind } from './image-tag.ts';
import { imagePrunerKind } from './image-pruner.ts';
import { startPrunerController } from './pruner-controller.ts';
import { startImportController } from './import-controller.ts';
import { openRegistry, type OpenRegistry } from './importer.ts';
import { keepPublicRepositories } from './public-repository.ts';
import { StreamImports } from './stream-imports.ts';
import { LateClient } from '../kernel/boot/late-client.ts';
import { RegistryOrigins } from './registry-origins.ts';
import { RegistryStreams } from './registry-streams.ts';
import { createRegistry, type Registry } from './registry/registry.ts';

export interface ImageDependencies {
  /** `<home>/registry`. */
  registryDirectory: string;
  tokens: TokenReviewer;
  authorize: Authorizer;
  /** Opens the listeners (TLS on loopback, the run folder's socket) once the registry is ready; what it opens ends with the module. */
  listen(registry: Pick<Registry, 'handler'>): Promise<{ dispose(): void | Promise<void> }>;
  /** `host:port` under which the registry is reached from this machine, once known; shown as the public repository. */
  publicHost?: () => string | undefined;
  /** How registries elsewhere are reached; default: directly. */
  openRegistry?: OpenRegistry;
}

export function imageModule(deps: ImageDependencies): Module {
  const client = new LateClient();
  const publicHost = deps.publicHost ?? (() => undefined);
  const imports = new StreamImports(client, deps.openRegistry ?? openRegistry, publicHost);
  return {
    name: 'image',
    dependsOn: ['project'],
    kinds: [
      kind(imageKind),
      kind(imageStreamKind({ client, authorize: deps.authorize, publicHost })),
      kind(imageStreamTagKind(client, deps.authorize)),
      kind(imageTagKind(client, deps.authorize)),
      kind(imageStreamImageKind(client)),
      kind(imageStreamMappingKind(client, deps.authorize)),
      kind(imageStreamImportKind(imports)),
      kind(imagePrunerKind),
    ],
    admission: [imagePolicy(client), imageLimitsAdmission(client)],
    async start(context) {
      client.set(context.client);
      const registry = context.scope.own(await createRegistry({
        directory: deps.registryDirectory,
        streams: new RegistryStreams(context.client, deps.authorize),
        limits: new RegistryLimits(context.client),
        origins: new RegistryOrigins(context.client, deps.openRegistry ?? openRegistry),
        tokens: deps.tokens,
        authorize: deps.authorize,
        clock: context.clock,
        log: context.log.child('registry'),
      }));
      context.scope.own(await deps.listen(registry));
      for (const of of [images, imageStreams]) context.scope.own(context.informers.for<KubeObject>(of).onChange(({ type }) => void (type === 'deleted' && registry.sweepSoon())));
      startImageQuotaController(context);
      imports.clock = context.clock;
      startImportController(context, imports);
      keepPublicRepositories(context, publicHost);
      await startPrunerController(context);
    },
  };
}
