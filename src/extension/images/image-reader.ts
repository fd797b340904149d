/** Images of a stream, read once: what a digest names never changes. */
import { images, imageStreamImages, type Image } from '../../api/kinds/image.ts';
import type { Session } from '../connections/session.ts';

/** Images remembered. */
const most = 100;

export interface ImageAt {
  namespace: string;
  stream: string;
  digest: string;
}

export class ImageReader {
  readonly #session: Pick<Session, 'client' | 'cluster'>;
  readonly #known = new Map<string, Promise<Image>>();

  constructor(session: Pick<Session, 'client' | 'cluster'>) {
    this.#session = session;
  }

  read({ namespace, stream, digest }: ImageAt): Promise<Image> {
    const key = `${this.#session.cluster}/${namespace}/${stream}@${digest}`;
    let image = this.#known.get(key);
    if (!image) {
      if (this.#known.size >= most) this.#known.delete(this.#known.keys().next().value ?? '');
      image = this.#read(namespace, stream, digest);
      this.#known.set(key, image);
      image.catch(() => this.#known.delete(key));
    }
    return image;
  }

  /** Through the stream, which its readers may see; the configuration with the history only the image itself has, which not everybody may read. */
  async #read(namespace: string, stream: string, digest: string): Promise<Image> {
    const { client } = this.#session;
    const [seen, whole] = await Promise.all([client.get(imageStreamImages, { namespace, name: `${stream}@${digest}` }), client.get(images, { name: digest }).catch(() => undefined)]);
    return { ...seen.image, ...(whole?.dockerImageConfig && { dockerImageConfig: whole.dockerImageConfig }) };
  }
}
