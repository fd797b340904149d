/** Whether a build whose turn has come has all that its pod needs. Pure. */
import { strategyFrom, type Build } from '../../api/kinds/build.ts';
import type { ImageStream } from '../../api/kinds/image.ts';
import type { ServiceAccount } from '../../api/kinds/core.ts';
import type { ObjectReference } from '../../api/meta.ts';
import { messages } from './build-plan.ts';
import type { BuildImages } from './build-pod-parts.ts';
import { inputImages, missingBuilderText, resolveImage, resolveOutput, type StreamLookup } from './image-resolver.ts';

/** A builder that is not there may be published in a moment; after this the build is given up. */
export const builderPatience = 30_000;

export interface StartObservation {
  build: Build;
  streams: StreamLookup;
  /** Image streams of project `openshift`, to be named to whoever asked for one that is not there. */
  builders: readonly ImageStream[];
  account: ServiceAccount | undefined;
  /** False for a push secret that is named and not there. */
  pushSecretExists: boolean;
  now: Date;
}

export type StartPlan =
  | { type: 'start'; images: BuildImages }
  /** Stays New and says why; looks again when what is missing appears, and after that time in any case. */
  | { type: 'wait'; reason: string; message: string; afterMs?: number }
  | { type: 'fail'; reason: string; message: string };

export function planStart({ build, streams, builders, account, pushSecretExists, now }: StartObservation): StartPlan {
  const { namespace = '', creationTimestamp } = build.metadata;
  const { spec } = build;
  const from = strategyFrom(spec.strategy);
  const builder = resolveImage(from, namespace, streams);
  if (from && !builder) {
    const missing = { reason: 'InvalidImageReference', message: missingBuilderText(from, builders) };
    const age = now.getTime() - Date.parse(creationTimestamp ?? now.toISOString());
    return age >= builderPatience ? { type: 'fail', ...missing } : { type: 'wait', ...missing, afterMs: builderPatience - age };
  }
  const to = spec.output?.to;
  const output = to?.name ? resolveOutput(to, namespace, streams) : undefined;
  if (to?.name && !output) return { type: 'wait', reason: 'InvalidOutputReference', message: `${messages.InvalidOutputReference} There is no image stream "${to.name.split(':')[0]}" in project "${to.namespace ?? namespace}"; create it, and the build goes on.` };
  const absent = spec.source?.images?.find((image) => !resolveImage(image.from, namespace, streams));
  if (absent) return { type: 'wait', reason: 'InvalidImageReference', message: `Referenced image could not be resolved: there is no image "${absent.from.namespace ? `${absent.from.namespace}/` : ''}${absent.from.name}" (spec.source.images); when it is there, the build goes on.` };
  if (!account) return { type: 'wait', reason: 'CannotRetrieveServiceAccount', message: `${messages.CannotRetrieveServiceAccount} There is no service account "${spec.serviceAccount ?? 'builder'}" in project "${namespace}"; create it, and the build goes on.` };
  if (!pushSecretExists) return { type: 'wait', reason: 'MissingPushSecret', message: `${messages.MissingPushSecret} There is no secret "${spec.output?.pushSecret?.name}" in project "${namespace}"; create it, and the build goes on.` };
  return { type: 'start', images: { builder: builder?.pullSpec, output, inputs: inputImages(build, namespace, streams) } };
}

/** `namespace/name` of every image stream that the build takes from or pushes to. */
export function streamsOf({ metadata, spec }: Build): string[] {
  const references = [strategyFrom(spec.strategy), spec.output?.to, ...(spec.source?.images ?? []).map((image) => image.from)];
  return [...new Set(references.flatMap((one) => streamOf(one, metadata.namespace ?? '')))];
}

function streamOf(reference: ObjectReference | undefined, namespace: string): string[] {
  if (!reference?.name || (reference.kind !== 'ImageStreamTag' && reference.kind !== 'ImageStreamImage')) return [];
  return [`${reference.namespace ?? namespace}/${reference.name.split(/[:@]/)[0]}`];
}
