/**
 * Inputs of binary builds. An upload is kept on disk until its build pod has taken it: the pod may start later (another build runs first), and
 * a control plane that stops meanwhile loses nothing. Bounds: one upload `maxBytes`, refused beyond; files of builds that are gone are deleted at start.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform, type Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { badRequest, StatusError } from '../../api/status.ts';

export interface BinaryInputOptions {
  /** A folder of its own, e.g. `<home>/cache/builds`. */
  directory: string;
  /** Default 4 GiB. */
  maxBytes?: number;
}

const defaultLimit = 4 * 2 ** 30;
const ending = '.input';

export class BinaryInputs {
  readonly #directory: string;
  readonly #limit: number;

  constructor({ directory, maxBytes = defaultLimit }: BinaryInputOptions) {
    this.#directory = directory;
    this.#limit = maxBytes;
  }

  /** Takes an upload whole; answers with its name. Rejects with `StatusError`, leaving nothing. */
  async receive(body: Readable, signal: AbortSignal): Promise<string> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const name = randomUUID();
    let bytes = 0;
    const limit = this.#limit;
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        if (bytes > limit) done(tooLarge(limit));
        else done(null, chunk);
      },
    });
    try {
      await pipeline(body, meter, createWriteStream(this.#path(name), { mode: 0o600, flags: 'wx' }), { signal });
      if (bytes === 0) throw badRequest('the request has no body: send the source as a tar, tar.gz or zip archive');
      return name;
    } catch (error) {
      await this.drop(name);
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOSPC' || code === 'EDQUOT') throw new StatusError(507, 'InsufficientStorage', `the disk is full: the source (${bytes} bytes so far) could not be kept in ${this.#directory}; free some space and start the build again`);
      if (code === 'ERR_STREAM_PREMATURE_CLOSE' || signal.aborted) throw badRequest('the upload ended before its end; start the build again');
      throw error;
    }
  }

  async has(name: string): Promise<boolean> {
    return access(this.#path(name)).then(() => true, () => false);
  }

  /** Sends the input and ends the stream; the file stays until `drop`. */
  async send(name: string, to: Writable, signal: AbortSignal): Promise<void> {
    await pipeline(createReadStream(this.#path(name), { highWaterMark: 256 * 1024 }), to, { signal });
  }

  async drop(name: string): Promise<void> {
    await rm(this.#path(name), { force: true });
  }

  /** Deletes every input that none of `wanted` names. */
  async sweep(wanted: ReadonlySet<string>): Promise<void> {
    for (const file of await readdir(this.#directory).catch(() => [])) {
      if (file.endsWith(ending) && !wanted.has(file.slice(0, -ending.length))) await rm(join(this.#directory, file), { force: true });
    }
  }

  /** Names come from annotations, which users may write. */
  #path(name: string): string {
    if (!/^[0-9a-f-]{36}$/.test(name)) throw badRequest(`"${name}" is no input of a build`);
    return join(this.#directory, name + ending);
  }
}

function tooLarge(limit: number): StatusError {
  return new StatusError(413, 'RequestEntityTooLarge', `the source is larger than ${Math.floor(limit / 2 ** 20)} MiB; leave out what the build does not need (.s2iignore, .gitignore), or build from a Git URL`);
}
