/** Looks images of other registries up for an ImageStreamImport. Nothing is written. */
import { imageAnnotations, registryHost, type ImageImportSpec, type ImageImportStatus, type ImageStream, type RepositoryImportSpec, type RepositoryImportStatus, type TagImportPolicy } from '../../api/kinds/image.ts';
import { hostPlatform, choosePlatform, type Descriptor, type ImageIndex } from '../../oci/manifest.ts';
import { inParallel } from '../../oci/parallel.ts';
import { formatReference, manifestKey, parseReference, withDigest, type ImageReference } from '../../oci/reference.ts';
import { credentialsFor, type RegistryCredentials } from '../../oci/registry-auth.ts';
import { registryClientFor, type FetchedManifest, type RegistryClient } from '../../oci/registry-client.ts';
import { isRegistryError, RegistryError } from '../../oci/registry-error.ts';
import { imageOf, type ImageSource } from './image-document.ts';
import { failureOf, innerStatus, invalidName, succeeded } from './import-failure.ts';
import { prioritizeTags } from './tag-priority.ts';

export type OpenRegistry = (reference: ImageReference, options: { insecure: boolean; auth?: RegistryCredentials }) => RegistryClient;

export const openRegistry: OpenRegistry = (reference, { insecure, auth }) => registryClientFor(reference, { ...(insecure && { insecure }), ...(auth && { auth }) });

/** Tags of a repository that are imported as a whole (`maxImagesBulkImportedPerRepository` of OpenShift's API server); the others are only named. */
const mostTags = 50;
/** Images of one index that are kept as it is. */
const mostImages = 64;
/** Images looked up at once for one request. */
const atOnce = 5;
/** Credentials tried in turn for one image. */
const mostCredentials = 8;
/** Configurations beyond are not read: such an image has no metadata. */
const configLimit = 4 * 2 ** 20;
const deepestIndex = 3;
/** A registry that does not answer: clients of ours wait a minute for an import. */
const lookupMs = 45_000;

interface Found {
  source: ImageSource;
  /** Images of an index that is kept. */
  parts: ImageSource[];
}

interface Wanted {
  reference: ImageReference;
  policy: TagImportPolicy;
  /** What to take of an index: Go's names; default is this machine. */
  architecture?: string | undefined;
  os?: string | undefined;
}

export interface ImporterOptions {
  open: OpenRegistry;
  /** Docker configurations of the project's pull secrets. */
  configs: readonly string[];
  /** `host:port` of the platform's registry as this machine knows it. Images are shown under the name that pods know. */
  ownHost?: string | undefined;
  signal: AbortSignal;
}

/** For one request: what it has looked up once is not asked for again. Closed by whoever made it. */
export class Importer {
  readonly #options: ImporterOptions;
  readonly #clients = new Map<string, RegistryClient>();
  readonly #found = new Map<string, Promise<Found>>();

  constructor(options: ImporterOptions) {
    this.#options = options;
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  /** `stream`: whose tags may say by annotations what to take of an index. */
  images(specs: readonly ImageImportSpec[], stream: ImageStream | undefined): Promise<ImageImportStatus[]> {
    return inParallel(specs, atOnce, async (spec) => {
      const { from, to, importPolicy: policy = {} } = spec;
      let reference: ImageReference;
      try {
        reference = this.#parse(from.name ?? '');
      } catch (error) {
        return { status: innerStatus(invalidName(from.name ?? '', (error as Error).message)) };
      }
      const tag = reference.digest === undefined ? (reference.tag ?? 'latest') : undefined;
      const annotations = stream?.spec.tags?.find(({ name }) => name === (to?.name ?? tag))?.annotations ?? {};
      const wanted: Wanted = { reference, policy, architecture: annotations[imageAnnotations.preferArch], os: annotations[imageAnnotations.preferOs] };
      return this.#status(wanted, tag, spec.includeManifest);
    });
  }

  async repository(spec: RepositoryImportSpec): Promise<RepositoryImportStatus> {
    const { from, importPolicy: policy = {} } = spec;
    let reference: ImageReference;
    try {
      reference = this.#parse(from.name ?? '');
    } catch (error) {
      return { status: innerStatus(invalidName(from.name ?? '', (error as Error).message)) };
    }
    let tags: string[];
    try {
      tags = await this.#authorized(reference, policy, (client, signal) => client.tags(reference.path, signal));
    } catch (error) {
      return { status: innerStatus(this.#failure(error, reference)) };
    }
    // Some registries have had empty tags, which stand for `latest`.
    const ordered = prioritizeTags([...new Set(tags.map((tag) => tag || 'latest'))]);
    const images = await inParallel(ordered.slice(0, mostTags), atOnce, (tag) => this.#status({ reference: { host: reference.host, path: reference.path, tag }, policy }, tag, spec.includeManifest));
    const failures = images.filter(({ status }) => status.status === 'Failure').length;
    const additionalTags = ordered.slice(mostTags);
    const text = failures === 1 ? 'one of the images from this repository failed to import' : `${failures} of the images from this repository failed to import`;
    return {
      status: failures === 0 ? succeeded : { metadata: {}, status: 'Failure', reason: 'ImportFailed', message: text },
      ...(images.length > 0 && { images }),
      ...(additionalTags.length > 0 && { additionalTags }),
    };
  }

  #parse(name: string): ImageReference {
    const reference = parseReference(name);
    const port = this.#options.ownHost?.split(':')[1];
    const own = port !== undefined && [`127.0.0.1:${port}`, `localhost:${port}`].includes(reference.host);
    return own ? { ...reference, host: registryHost } : reference;
  }

  async #status(wanted: Wanted, tag: string | undefined, includeManifest = false): Promise<ImageImportStatus> {
    const named = tag === undefined ? {} : { tag };
    try {
      const { source, parts } = await this.#find(wanted);
      const image = imageOf(source, formatReference(withDigest(wanted.reference, source.digest)), false);
      if (includeManifest) {
        image.dockerImageManifest = source.bytes.toString('utf8');
        if (source.config) image.dockerImageConfig = source.config.toString('utf8');
      }
      const manifests = parts.map((part) => imageOf(part, formatReference(withDigest(wanted.reference, part.digest)), false));
      return { status: succeeded, ...named, image, ...(manifests.length > 0 && { manifests }) };
    } catch (error) {
      return { status: innerStatus(this.#failure(error, wanted.reference)), ...named };
    }
  }

  #failure(error: unknown, reference: ImageReference) {
    this.#options.signal.throwIfAborted();
    return failureOf(error, { reference: formatReference(reference), credentials: this.#credentials(reference).length > 0 });
  }

  #find(wanted: Wanted): Promise<Found> {
    const { reference, policy, architecture, os } = wanted;
    const key = JSON.stringify([formatReference(reference), policy.insecure ?? false, policy.importMode, architecture, os]);
    let found = this.#found.get(key);
    if (!found) this.#found.set(key, (found = this.#authorized(reference, policy, (client, signal) => this.#read(client, wanted, signal))));
    return found;
  }

  async #read(client: RegistryClient, wanted: Wanted, signal: AbortSignal): Promise<Found> {
    const { reference: { path }, policy } = wanted;
    const named = await client.manifest(path, manifestKey(wanted.reference), signal);
    if (named.kind === 'index' && policy.importMode === 'PreserveOriginal') {
      const { manifests } = named.manifest;
      if (manifests.length > mostImages) throw new RegistryError('Refused', `the index names ${manifests.length} images, more than ${mostImages}`);
      return { source: named, parts: await inParallel(manifests, atOnce, async ({ digest }) => this.#withConfig(client, path, await client.manifest(path, digest, signal), signal)) };
    }
    let image = named;
    for (let depth = 0; image.kind === 'index'; depth++) {
      const chosen = choose(image.manifest, wanted);
      if (!chosen || depth > deepestIndex) throw new RegistryError('Refused', `the index ${image.digest} names no image`);
      image = await client.manifest(path, chosen.digest, signal);
    }
    return { source: await this.#withConfig(client, path, image, signal), parts: [] };
  }

  async #withConfig(client: RegistryClient, path: string, fetched: FetchedManifest, signal: AbortSignal): Promise<ImageSource> {
    if (fetched.kind === 'index' || fetched.manifest.config.size > configLimit) return fetched;
    const chunks: Buffer[] = [];
    for await (const chunk of client.readBlob(path, fetched.manifest.config, { signal })) chunks.push(chunk);
    return { ...fetched, config: Buffer.concat(chunks) };
  }

  /** With each of the project's credentials for the host until one is let in; then without any: public images need none, and registries refuse wrong ones for them too. */
  async #authorized<T>(reference: ImageReference, { insecure = false }: TagImportPolicy, use: (client: RegistryClient, signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = AbortSignal.timeout(lookupMs);
    const signal = AbortSignal.any([this.#options.signal, late]);
    let refusal: unknown;
    for (const auth of [...this.#credentials(reference), undefined]) {
      try {
        return await use(this.#client(reference, insecure, auth), signal);
      } catch (error) {
        if (late.aborted) throw new RegistryError('Unreachable', `the registry ${reference.host} did not answer within ${lookupMs / 1000} s`, { cause: error });
        if (!isRegistryError(error, 'Unauthorized', 'Denied')) throw error;
        refusal ??= error;
      }
    }
    throw refusal;
  }

  #credentials(reference: ImageReference): RegistryCredentials[] {
    const all = new Map<string, RegistryCredentials>();
    for (const config of this.#options.configs) {
      try {
        const found = credentialsFor(reference, config);
        if (found) all.set(`${found.username}:${found.password}`, found);
      } catch {
        // A secret that cannot be read must not keep the others from being used.
      }
    }
    return [...all.values()].slice(0, mostCredentials);
  }

  #client(reference: ImageReference, insecure: boolean, auth: RegistryCredentials | undefined): RegistryClient {
    const key = JSON.stringify([reference.host, insecure, auth]);
    let client = this.#clients.get(key);
    if (!client) this.#clients.set(key, (client = this.#options.open(reference, { insecure, ...(auth && { auth }) })));
    return client;
  }
}

/** The image that fits best, else the one for the most usual machine, else the first: a stream that has some image beats one that has none (importer `manifestFromManifestList`). */
function choose(index: ImageIndex, { architecture, os }: Wanted): Descriptor | undefined {
  const here = hostPlatform();
  const wanted = architecture || os ? { os: os ?? here.os, architecture: architecture ?? here.architecture } : here;
  return choosePlatform(index, wanted) ?? choosePlatform(index, { os: 'linux', architecture: 'amd64' }) ?? index.manifests[0];
}
