/** HAProxy's runtime API on its unix socket: one command a connection (management.txt section 9.3). */
import net from 'node:net';

/** An answer is awaited this long; a program that is busy with a reload needs a moment. */
const answerMs = 10_000;
/** `show stat` of thousands of servers. */
const longestAnswer = 64 * 1024 * 1024;
/** A command with what follows it has to fit into HAProxy's buffer (`tune.bufsize`). */
export const longestPayload = 8 * 1024;

/** Its answer without the empty line at the end. Rejects if nobody answers within `patienceMs`. `payload` may hold no empty line. */
export function ask(socket: string, command: string, { payload, patienceMs = answerMs }: { payload?: readonly string[] | undefined; patienceMs?: number } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const connection = net.connect(socket);
    const chunks: Buffer[] = [];
    let length = 0;
    connection.setTimeout(patienceMs, () => connection.destroy(new Error(`HAProxy did not answer ${command.split(' ', 2).join(' ')}`)));
    connection.once('error', reject);
    connection.once('close', () => reject(new Error('HAProxy ended the connection')));
    connection.once('connect', () => connection.write(payload ? `${command} <<\n${payload.join('\n')}\n\n` : `${command}\n`));
    connection.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > longestAnswer) connection.destroy(new Error(`HAProxy answered ${command.split(' ', 2).join(' ')} with more than ${longestAnswer} bytes`));
    });
    connection.once('end', () => resolve(Buffer.concat(chunks).toString('utf8').trim()));
  });
}

/** Replaces all of a map at once: requests see the old one or the new one. */
export async function replaceMap(socket: string, file: string, entries: readonly string[]): Promise<void> {
  const answer = await ask(socket, `prepare map ${file}`);
  const [, version] = /^New version created: (\d+)/.exec(answer) ?? [];
  if (version === undefined) throw new Error(`HAProxy did not prepare ${file}: ${answer}`);
  for (const part of parts(entries)) {
    const said = await ask(socket, `add map @${version} ${file}`, { payload: part });
    if (said !== '') throw new Error(`HAProxy did not take entries of ${file}: ${said}`);
  }
  const said = await ask(socket, `commit map @${version} ${file}`);
  if (said !== '') throw new Error(`HAProxy did not commit ${file}: ${said}`);
}

function parts(entries: readonly string[]): string[][] {
  const all: string[][] = [];
  let room = 0;
  for (const entry of entries) {
    if (all.length === 0 || entry.length + 1 > room) {
      all.push([]);
      room = longestPayload;
    }
    all.at(-1)?.push(entry);
    room -= entry.length + 1;
  }
  return all;
}
