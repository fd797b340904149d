/** Resolves image names to the project's image streams when pods, what makes pods, and builds are written. */
import { imageStreams, type ImageStream } from '../../api/kinds/image.ts';
import { controllerOf } from '../../api/meta.ts';
import { ifFound } from '../../client/if-found.ts';
import type { Admission } from '../kernel/apiserver/ports.ts';
import type { LateClient } from '../kernel/boot/late-client.ts';
import { isCovered, isForced, localName, resolveName, slotsOf } from './image-policy-plan.ts';

export function imagePolicy(late: LateClient): Admission {
  return {
    async admit({ operation, resource, object, old, context }) {
      // What a controller makes was looked up where the controller's own object was written.
      if (operation === 'delete' || !isCovered(resource) || controllerOf(object)) return;
      const { namespace } = context;
      const forced = isForced(resource, object);
      const streams = new Map<string, ImageStream | undefined>();
      for (const slot of slotsOf(resource, object, old)) {
        const name = localName(slot.image, forced);
        if (!name) continue;
        if (!streams.has(name.stream)) streams.set(name.stream, await ifFound(late.get().get(imageStreams, { namespace, name: name.stream })));
        const stream = streams.get(name.stream);
        const resolved = stream && resolveName(name, stream);
        if (resolved) slot.set(resolved);
      }
    },
  };
}
