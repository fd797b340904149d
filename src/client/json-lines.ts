import { ConnectionError } from './client.ts';

/** Longest line taken: far above the largest object a server stores (1.5 MB); what is longer ends the stream with an error. */
const longestLine = 64 * 1024 * 1024;

/** The JSON documents of a newline-delimited stream. A chunk may end anywhere, also inside a character. */
export async function* jsonLines(chunks: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  let parts: Buffer[] = [];
  let held = 0;
  for await (const chunk of chunks) {
    let rest = chunk as Buffer;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      parts.push(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      const line = (parts.length === 1 ? parts[0] : Buffer.concat(parts))?.toString().trim();
      parts = [];
      held = 0;
      if (line) yield JSON.parse(line);
    }
    if (rest.length === 0) continue;
    parts.push(rest);
    held += rest.length;
    if (held > longestLine) throw new ConnectionError(`the server sent a line of more than ${longestLine} bytes`);
  }
  const line = Buffer.concat(parts).toString().trim();
  if (line) yield JSON.parse(line);
}
