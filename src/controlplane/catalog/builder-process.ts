/**
 * Builder images made in a process of their own: packing a virtual environment takes memory that a long-lived process would keep, and time of its event loop.
 * The work comes as a line of JSON on the child's standard input, the image as JSON on its standard output. The child ends with its standard input, and so does
 * all that it started: it leads a process group of its own.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { FoundToolchain } from '../../detect/search.ts';
import { makeBuilderImage } from './builder-image.ts';
import type { HostBuilder } from './host-builder.ts';
import { hostBuilders } from './host-builders.ts';

export type MakeImage = (builder: HostBuilder, toolchain: FoundToolchain, scratch: string, signal: AbortSignal) => ReturnType<typeof makeBuilderImage>;

interface Work {
  toolchain: FoundToolchain;
  scratch: string;
}

/** `command` runs `serveBuilderImage` with the builder's name as its last argument. */
export function makeImageBeside(command: readonly string[]): MakeImage {
  return async (builder, toolchain, scratch, signal) => {
    const [program = '', ...args] = command;
    const child = spawn(program, [...args, builder.name], { stdio: ['pipe', 'pipe', 'pipe'], detached: true, windowsHide: true });
    const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
    const stop = () => child.stdin.destroy();
    signal.addEventListener('abort', stop);
    child.stdin.on('error', () => undefined).write(`${JSON.stringify({ toolchain, scratch } satisfies Work)}\n`);
    const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]).finally(() => signal.removeEventListener('abort', stop));
    signal.throwIfAborted();
    if (code !== 0) throw new Error(`builder ${builder.name} could not be made: ${err.trim().slice(-500) || `exit code ${code}`}`);
    return JSON.parse(out, (_, value: unknown) => (isBytes(value) ? Buffer.from(value.data) : value)) as Awaited<ReturnType<typeof makeBuilderImage>>;
  };
}

/** The child's side. */
export async function serveBuilderImage(name: string): Promise<void> {
  const builder = hostBuilders.find((one) => one.name === name);
  if (!builder) throw new Error(`there is no builder "${name}"`);
  const input = createInterface({ input: process.stdin });
  const [line] = (await once(input, 'line')) as [string];
  input.once('close', endGroup);
  const { toolchain, scratch } = JSON.parse(line) as Work;
  const made = JSON.stringify(await makeBuilderImage(builder, toolchain, scratch));
  process.stdout.write(made, () => process.exit(0));
}

function endGroup(): void {
  if (process.platform === 'win32') process.exit(1);
  process.kill(0, 'SIGKILL');
}

/** How `JSON.stringify` writes a Buffer. */
function isBytes(value: unknown): value is { type: 'Buffer'; data: number[] } {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'Buffer' && Array.isArray((value as { data?: unknown }).data);
}
