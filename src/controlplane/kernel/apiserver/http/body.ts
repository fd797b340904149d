import type { IncomingMessage } from 'node:http';
import { StatusError } from '../../../../api/status.ts';

/** As in the real server: what a request body may hold. Uploads are streams and are not bounded here. */
const largestBody = 3 * 1024 * 1024;

export function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > largestBody) {
        chunks.length = 0;
        reject(new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${largestBody}`));
        return;
      }
      chunks.push(chunk);
    });
    request.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    request.on('error', reject);
    request.on('close', () => {
      if (!request.complete) reject(new Error('the client went away'));
    });
  });
}
