/** Real pipes for `exec`: Node's own are sockets, which a program cannot open again through `/dev/stdout`. Made by mkfifo, several at a time. */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, mkdirSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { run } from './run.ts';
import { systemEnvironment } from './system-path.ts';

export interface PipeSet {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Descriptors for the child; closed here once it has them. */
  readonly theirs: { stdin: number; stdout: number; stderr: number };
  closeTheirs(): void;
  dispose(): void;
}

const atOnce = 4;

export class PipeSets {
  readonly #directory: string;
  #ready: string[] = [];
  #making: Promise<void> | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  async take(): Promise<PipeSet> {
    while (this.#ready.length === 0) await (this.#making ??= this.#make().finally(() => (this.#making = undefined)));
    return openSet(this.#ready.pop()!);
  }

  async #make(): Promise<void> {
    const bases = Array.from({ length: atOnce }, () => join(this.#directory, randomBytes(6).toString('hex')));
    await run(['mkfifo', '-m', '600', ...bases.flatMap((base) => [`${base}-0`, `${base}-1`, `${base}-2`])], { env: systemEnvironment });
    this.#ready.push(...bases);
  }
}

/** The names are removed at once: a pipe serves one session, whatever process may keep it open afterwards. */
function openSet(base: string): PipeSet {
  const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK } = constants;
  const both = openSync(`${base}-0`, O_RDWR | O_NONBLOCK);
  const stdinTheirs = openSync(`${base}-0`, O_RDONLY);
  const stdin = new Socket({ fd: openSync(`${base}-0`, O_WRONLY | O_NONBLOCK), readable: false, writable: true });
  closeSync(both);
  stdin.on('error', () => undefined);
  const output = [1, 2].map((number) => {
    const ours = new Socket({ fd: openSync(`${base}-${number}`, O_RDONLY | O_NONBLOCK), readable: true, writable: false });
    ours.on('error', () => undefined);
    return { ours, theirs: openSync(`${base}-${number}`, O_WRONLY) };
  });
  for (const number of [0, 1, 2]) rmSync(`${base}-${number}`);
  const theirs = { stdin: stdinTheirs, stdout: output[0]!.theirs, stderr: output[1]!.theirs };
  return {
    stdin, stdout: output[0]!.ours, stderr: output[1]!.ours, theirs,
    closeTheirs: () => Object.values(theirs).forEach((descriptor) => closeSync(descriptor)),
    dispose: () => [stdin, ...output.map(({ ours }) => ours)].forEach((stream) => stream.destroy()),
  };
}
