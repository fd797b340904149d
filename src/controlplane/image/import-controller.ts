/** Looks images of other registries up for the tags that name them. */
import { secrets } from '../../api/kinds/core.ts';
import { images, imageStreams, type ImageStream } from '../../api/kinds/image.ts';
import { keyOf, splitKey } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { formatReference, manifestKey, parseReference, withDigest, type ImageReference } from '../../oci/reference.ts';
import { credentialsFor, type RegistryCredentials } from '../../oci/registry-auth.ts';
import { registryClientFor, type RegistryClient } from '../../oci/registry-client.ts';
import { isRegistryError, type RegistryProblem } from '../../oci/registry-error.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller } from '../kernel/reconcile/controller.ts';
import { imageOf, type ImageSource } from './image-document.ts';
import { pullSecretTypes } from './image-stream-parts.ts';
import { recordImport, scheduledTags, wantedImports, type ImportOutcome, type WantedImport } from './import-plan.ts';
import { changeStream } from './stream-writes.ts';

/** How often scheduled tags are looked up again (OpenShift's default). */
const scheduleMs = 15 * 60 * 1000;

export type OpenRegistry = (reference: ImageReference, options: { insecure: boolean; auth?: RegistryCredentials }) => RegistryClient;

export const openRegistry: OpenRegistry = (reference, { insecure, auth }) => registryClientFor(reference, { ...(insecure && { insecure }), ...(auth && { auth }) });

export function startImportController(context: ModuleContext, open: OpenRegistry = openRegistry): void {
  const { client, clock, log, scope } = context;
  const streams = context.informers.for(imageStreams);
  /** Of scheduled tags, by `<stream key>:<tag>`; bounded by the tags there are. */
  const lastLooked = new Map<string, number>();
  const loop = scope.own(controller({
    name: 'image-import', workers: 2, clock, log,
    async reconcile(key, signal) {
      const stream = streams.get(key);
      if (!stream) return;
      const due = (tag: string) => clock.now().getTime() - (lastLooked.get(`${key}:${tag}`) ?? 0) >= scheduleMs;
      const wanted = wantedImports(stream, due);
      if (wanted.length > 0) {
        const outcomes = await importAll(client, stream, wanted, open, signal);
        for (const { tag } of wanted) lastLooked.set(`${key}:${tag}`, clock.now().getTime());
        await record(client, key, outcomes, clock.now());
      }
      return scheduledTags(stream).length > 0 ? { afterMs: scheduleMs } : undefined;
    },
  }));
  scope.own(streams.onChange(({ type, object }) => {
    const key = keyOf(object);
    if (type !== 'deleted') return loop.enqueue(key);
    for (const known of [...lastLooked.keys()]) if (known.startsWith(`${key}:`)) lastLooked.delete(known);
  }));
}

async function importAll(client: Client, stream: ImageStream, wanted: readonly WantedImport[], open: OpenRegistry, signal: AbortSignal): Promise<Map<WantedImport, ImportOutcome>> {
  const outcomes = new Map<WantedImport, ImportOutcome>();
  const configs = await pullSecrets(client, stream.metadata.namespace);
  for (const one of wanted) {
    try {
      outcomes.set(one, await importOne(client, one, configs, open, signal));
    } catch (error) {
      signal.throwIfAborted();
      if (isStatusError(error)) throw error;
      outcomes.set(one, { reason: reasonOf(error), message: (error as Error).message });
    }
  }
  return outcomes;
}

async function importOne(client: Client, wanted: WantedImport, configs: readonly string[], open: OpenRegistry, signal: AbortSignal): Promise<ImportOutcome> {
  const reference = parseReference(wanted.from);
  const auth = configs.map((config) => credentialsFor(reference, config)).find((found) => found !== undefined);
  const registry = open(reference, { insecure: wanted.insecure, ...(auth && { auth }) });
  try {
    const named = await registry.manifest(reference.path, manifestKey(reference), signal);
    const source: ImageSource = named.kind === 'index' && wanted.wholeIndex ? named : await asSource(registry, reference.path, named.digest, signal);
    const pinned = formatReference(withDigest(reference, source.digest));
    await client.create(images, imageOf(source, pinned, false)).catch((error: unknown) => {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    });
    return { image: source.digest, dockerImageReference: pinned };
  } finally {
    registry.close();
  }
}

async function asSource(registry: RegistryClient, path: string, digest: string, signal: AbortSignal): Promise<ImageSource> {
  const image = await registry.image(path, digest, { signal });
  return { kind: 'image', mediaType: image.mediaType, manifest: image.manifest, digest: image.digest, bytes: image.bytes, config: image.configBytes };
}

async function record(client: Client, key: string, outcomes: ReadonlyMap<WantedImport, ImportOutcome>, now: Date): Promise<void> {
  await changeStream(client, { ...splitKey(key), subresource: 'status' }, (stream) => {
    const changes = [...outcomes].map(([wanted, outcome]) => recordImport(stream, wanted, outcome, now));
    return changes.includes(true) ? stream : undefined;
  }).catch((error: unknown) => {
    // The stream went while its images were looked up.
    if (!isStatusError(error, 'NotFound')) throw error;
  });
}

/** Docker configurations of the project's pull secrets; any of them may fit, as in OpenShift's imports. */
async function pullSecrets(client: Client, namespace: string | undefined): Promise<string[]> {
  const { items } = await client.list(secrets, { namespace });
  return items.flatMap(({ type, data }) => {
    const text = data?.['.dockerconfigjson'] ?? data?.['.dockercfg'];
    return pullSecretTypes.includes(type ?? '') && text ? [Buffer.from(text, 'base64').toString('utf8')] : [];
  });
}

const reasons: Partial<Record<RegistryProblem, string>> = { NotFound: 'NotFound', Unauthorized: 'Unauthorized', Denied: 'Forbidden', TooManyRequests: 'TooManyRequests' };

function reasonOf(error: unknown): string {
  return (isRegistryError(error) && reasons[error.problem]) || 'InternalError';
}
