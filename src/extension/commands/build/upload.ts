import type { Upload } from '../../../client/apps/create-app.ts';
import type { Client } from '../../../client/client.ts';

/** Posts a stream; giving up ends the stream, and with it the request. */
export function upload(client: Client): Upload {
  return async (path, body, signal) => {
    const stop = () => body.destroy(signal?.reason as Error);
    signal?.throwIfAborted();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await client.raw('POST', path, body);
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  };
}
