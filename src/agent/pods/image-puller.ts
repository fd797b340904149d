/** Has the image of a container here before it is made, by its pull policy. */
import type { Pod } from '../../api/kinds/core.ts';
import type { ObjectReference } from '../../api/meta.ts';
import type { Clock } from '../../base/clock.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';
import { parseReference } from '../../oci/reference.ts';
import { RuntimeFailure, type ImageAuth, type ImageInfo, type ImageService } from '../runtime/runtime.ts';
import { StartError } from './start-error.ts';

export interface PullParts {
  images: ImageService;
  events: EventRecorder;
  clock: Clock;
  auth(pod: Pod, image: string): Promise<ImageAuth | undefined>;
  /** The same image by a reference that nodes can reach. */
  reachable(image: string): Promise<string>;
}

/** Pulls of the same reference under the same identity at the same time are one. */
export class ImagePuller {
  readonly #parts: PullParts;
  readonly #running = new Map<string, Promise<ImageInfo>>();
  readonly #references = new Map<string, string>();

  constructor(parts: PullParts) {
    this.#parts = parts;
  }

  /** The canonical reference of an image id, once it was seen. */
  referenceOf(imageId: string): string | undefined {
    return this.#references.get(imageId);
  }

  async load(): Promise<void> {
    for (const { id, reference } of await this.#parts.images.list()) this.#references.set(id, reference);
  }

  /** Throws `StartError` with the reason the kubelet gives. */
  async ensure(pod: Pod, container: { image?: string | undefined; imagePullPolicy?: string | undefined }, about: ObjectReference, signal: AbortSignal): Promise<ImageInfo> {
    const { images, events } = this.#parts;
    const image = container.image ?? '';
    if (!image) throw new StartError('InvalidImageName', 'the container names no image');
    const policy = container.imagePullPolicy ?? 'IfNotPresent';
    checkName(image, events, about);
    const source = await this.#parts.reachable(image);
    const present = await images.status(source);
    if (present && policy !== 'Always') {
      events.normal(about, 'Pulled', `Container image "${image}" already present on machine`);
      return this.#seen(present);
    }
    if (policy === 'Never') {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      events.warning(about, 'ErrImageNeverPull', message);
      events.warning(about, 'Failed', 'Error: ErrImageNeverPull');
      throw new StartError('ErrImageNeverPull', message);
    }
    return this.#seen(await this.#pull(pod, { image, source }, about, signal));
  }

  async #pull(pod: Pod, { image, source }: { image: string; source: string }, about: ObjectReference, signal: AbortSignal): Promise<ImageInfo> {
    const { images, events, clock } = this.#parts;
    events.normal(about, 'Pulling', `Pulling image "${image}"`);
    const start = clock.now().getTime();
    try {
      const auth = (await this.#parts.auth(pod, image)) ?? (source === image ? undefined : await this.#parts.auth(pod, source));
      const key = `${source} ${auth?.username ?? ''} ${auth?.password ?? ''}`;
      const running = this.#running.get(key);
      // Whoever joins a pull that another pod gives up starts it anew.
      const info = await (running ? running.catch(() => images.pull(source, auth, signal)) : this.#share(key, images.pull(source, auth, signal)));
      const seconds = goSeconds(clock.now().getTime() - start);
      events.normal(about, 'Pulled', `Successfully pulled image "${image}" in ${seconds} (${seconds} including waiting). Image size: ${info.size} bytes.`);
      return info;
    } catch (error) {
      signal.throwIfAborted();
      events.warning(about, 'Failed', `Failed to pull image "${image}": ${text(error)}`);
      const reason = error instanceof RuntimeFailure ? error.reason : 'ErrImagePull';
      events.warning(about, 'Failed', `Error: ${reason}`);
      throw new StartError(reason, text(error), { cause: error });
    }
  }

  async #share(key: string, pull: Promise<ImageInfo>): Promise<ImageInfo> {
    this.#running.set(key, pull);
    try {
      return await pull;
    } finally {
      this.#running.delete(key);
    }
  }

  #seen(info: ImageInfo): ImageInfo {
    this.#references.set(info.id, info.reference);
    return info;
  }
}

function checkName(image: string, events: EventRecorder, about: ObjectReference): void {
  try {
    parseReference(image);
  } catch (error) {
    const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": ${text(error)}`;
    events.warning(about, 'InspectFailed', message);
    events.warning(about, 'Failed', 'Error: InvalidImageName');
    throw new StartError('InvalidImageName', message, { cause: error });
  }
}

function goSeconds(ms: number): string {
  return ms < 1000 ? `${ms}ms` : `${(ms / 1000).toFixed(3).replace(/\.?0+$/, '')}s`;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
