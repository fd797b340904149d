/** Changes of an image stream on behalf of its virtual kinds, tried again when somebody else wrote first. */
import { imageStreams, type ImageStream } from '../../api/kinds/image.ts';
import { isStatusError, timeout } from '../../api/status.ts';
import { delay, systemClock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';

/** Many may push into one stream at once. */
const attempts = 30;
/** A write that is not yet on disk cannot be read, only collided with. */
const pauseMs = 5;
const longestPauseMs = 50;

/** `change` gets a private copy; `undefined` writes nothing. */
export async function changeStream(client: Client, at: { namespace: string | undefined; name: string; subresource?: string }, change: (stream: ImageStream) => ImageStream | undefined): Promise<ImageStream> {
  for (let attempt = 1; ; attempt++) {
    const current = await client.get(imageStreams, { namespace: at.namespace, name: at.name });
    const next = change(structuredClone(current));
    if (!next) return current;
    try {
      return await client.update(imageStreams, next, at);
    } catch (error) {
      if (!isStatusError(error, 'Conflict')) throw error;
      if (attempt >= attempts) throw timeout(`image stream "${at.name}" keeps changing; try again`, 2);
      await delay(systemClock, Math.min(attempt * pauseMs, longestPauseMs) * (0.5 + Math.random()));
    }
  }
}

/** Runs `use` on a stream that somebody has made this moment: it is there for other writers before it can be read. */
export async function onceMade<T>(use: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await use();
    } catch (error) {
      if (!isStatusError(error, 'NotFound') || attempt >= attempts) throw error;
      await delay(systemClock, Math.min(attempt * pauseMs, longestPauseMs));
    }
  }
}
