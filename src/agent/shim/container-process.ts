/** Starts the container's process, owns its stdio, ends it. */
import { spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process';
import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants as systemConstants } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { shimFiles, type ShimSpec } from '../../protocol/shim.ts';
import { Family, seesPlace, signal as send } from '../runtime/family.ts';
import { anonymousMemory, carries, descendantsOf, processesAt, processesCarrying, sharedPlaceOf, type SharedPlace } from '../runtime/procfs.ts';
import { startFailure } from './start-failure.ts';

export interface ProcessEvents {
  /** The application runs now; `pid` is its first process. */
  started(pid: number): void;
  output(stream: 'stdout' | 'stderr', chunk: Buffer): void;
  /** After the last output. `error`: the application never ran. */
  ended(end: { code: number; signal?: number; error?: string }): void;
}

/** After the first process ended: how long strays may keep the pipes open before the rest of the output is given up. */
const drainMilliseconds = 2000;
const looksForStrays = 20;

/** Exit code of a container whose program never ran, as the launcher of a sandbox has it. */
const neverStarted = 128;

export class ContainerProcess {
  readonly stdin: Writable | undefined;
  readonly #spec: ShimSpec;
  readonly #child: ChildProcess;
  readonly #events: ProcessEvents;
  readonly #open = new Set<Readable>();
  #pid: number | undefined;
  /** Of a container without a process namespace of its own. */
  #shared: SharedPlace | undefined;
  #error: string | undefined;
  #exit: { code: number | null; signal: NodeJS.Signals | null } | undefined;
  #ended = false;

  constructor(directory: string, spec: ShimSpec, events: ProcessEvents) {
    this.#spec = spec;
    this.#events = events;
    const output = ['stdout', 'stderr'].map((name) => openOutput(join(directory, name)));
    const input = spec.stdin || spec.tty ? openInput(join(directory, shimFiles.stdin)) : undefined;
    const handOver = spec.handOver === undefined ? undefined : openSync(spec.handOver, 'r');
    const stdio: StdioOptions = [
      input ? input.theirs : spec.stdin || spec.tty ? 'pipe' : 'ignore',
      output[0]?.theirs ?? 'pipe', output[1]?.theirs ?? 'pipe',
      spec.reports ? 'pipe' : 'ignore', handOver ?? 'ignore',
    ];
    const [file = '', ...rest] = spec.argv;
    this.#child = spawn(file, rest, {
      // On Windows a group of its own would open a console window.
      stdio, cwd: spec.cwd ?? directory, env: spec.environment, detached: process.platform !== 'win32', windowsHide: true,
    });
    for (const descriptor of [input?.theirs, output[0]?.theirs, output[1]?.theirs, handOver]) if (descriptor !== undefined) closeSync(descriptor);
    this.stdin = input?.ours ?? this.#child.stdin ?? undefined;
    this.stdin?.on('error', () => undefined);
    this.#listen('stdout', output[0]?.ours ?? this.#child.stdout!);
    this.#listen('stderr', output[1]?.ours ?? this.#child.stderr!);
    this.#child.once('error', (error) => {
      this.#error = startFailure(file, spec.cwd, error);
      this.#exited(neverStarted, null);
    });
    this.#child.once('exit', (code, signal) => this.#exited(code, signal));
    if (spec.reports) this.#listenReport(this.#child.stdio[3] as Readable);
    else if (this.#child.pid !== undefined) {
      this.#pid = this.#child.pid;
      queueMicrotask(() => this.#child.pid !== undefined && events.started(this.#child.pid));
    }
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  kill(signal: NodeJS.Signals): void {
    const target = this.#pid ?? this.#child.pid;
    // Once it has ended its pid may be anybody's, even while the last of its output is awaited; what it left behind was killed with it.
    if (target === undefined || this.#exit) return;
    // Not yet past its set-up: nobody knows which of the launcher's processes it will be.
    if (this.#pid === undefined && process.platform === 'linux') return descendantsOf(target).reverse().forEach((pid) => send(pid, signal));
    if (process.platform === 'win32') {
      // There are no signals to ask with.
      spawnSync('taskkill', ['/PID', String(target), '/T', '/F'], { windowsHide: true });
      return;
    }
    const grouped = this.#spec.marker !== undefined;
    send(grouped ? -target : target, signal);
    if (signal !== 'SIGKILL') return;
    this.#killShared();
    if (this.#spec.marker !== undefined) for (const pid of processesCarrying(this.#spec.marker)) send(pid, signal);
  }

  /** All of its processes, to hold them to a limit from outside. `waiters`: programs of ours wait outside of its process namespace. */
  family(): { family: Family; waiters: boolean } | undefined {
    if (this.#pid === undefined) return undefined;
    const { marker } = this.#spec;
    if (marker !== undefined) return { family: new Family(this.#pid, carries(marker)), waiters: false };
    const place = sharedPlaceOf(this.#pid);
    return place && { family: new Family(this.#pid, seesPlace(place)), waiters: true };
  }

  /** Bytes that only the container's processes hold. What was executed into it from outside does not count. */
  memory(): number {
    if (this.#exit) return 0;
    const processes = this.#shared ? processesAt(this.#shared) : this.#pid === undefined ? [] : descendantsOf(this.#pid);
    return processes.reduce((sum, pid) => sum + anonymousMemory(pid), 0);
  }

  resize(width: number, height: number): void {
    if (!this.#spec.tty || this.#pid === undefined || width < 1 || height < 1) return;
    resizeTerminal(this.#pid, this.#spec.terminals ?? '/dev/pts', width, height);
  }

  #listen(stream: 'stdout' | 'stderr', source: Readable): void {
    this.#open.add(source);
    source.on('data', (chunk: Buffer) => this.#events.output(stream, chunk));
    const done = () => {
      if (this.#open.delete(source)) this.#finish();
    };
    source.once('end', done).once('close', done).once('error', done);
  }

  #listenReport(source: Readable): void {
    let text = '';
    // Its last line may arrive after the end of the process was told.
    this.#open.add(source);
    source.once('close', () => {
      this.#open.delete(source);
      this.#finish();
    });
    source.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
        const line = text.slice(0, at);
        text = text.slice(at + 1);
        if (line.startsWith('pid ')) this.#pid = Number(line.slice(4));
        else if (line === 'started') {
          if (this.#spec.sharesProcesses && this.#pid !== undefined) this.#shared = sharedPlaceOf(this.#pid);
          this.#events.started(this.#pid ?? this.#child.pid!);
        }
        else if (line.startsWith('error ')) this.#error ??= line.slice(6);
      }
    });
    source.on('error', () => undefined);
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#exit) return;
    this.#exit = { code, signal };
    if (this.#spec.marker !== undefined && process.platform !== 'win32' && this.#child.pid !== undefined) {
      // The container is over with its first process: what it left behind goes too.
      send(-this.#child.pid, 'SIGKILL');
      for (const pid of processesCarrying(this.#spec.marker)) send(pid, 'SIGKILL');
    }
    this.#killShared();
    setTimeout(() => {
      for (const source of this.#open) source.destroy();
    }, drainMilliseconds).unref();
    this.#finish();
  }

  /** What starts while others are being killed is found in the next look. */
  #killShared(): void {
    if (!this.#shared) return;
    for (let look = 0; look < looksForStrays; look += 1) {
      const left = processesAt(this.#shared);
      if (left.length === 0) return;
      for (const pid of left) send(pid, 'SIGKILL');
    }
  }

  #finish(): void {
    if (!this.#exit || this.#open.size > 0 || this.#ended) return;
    this.#ended = true;
    const { code, signal } = this.#exit;
    const number = signal === null ? undefined : (systemConstants.signals[signal] ?? 9);
    this.#events.ended({ code: number === undefined ? (code ?? 255) : 128 + number, signal: number, error: this.#error });
  }
}

function openOutput(path: string): { ours: Readable; theirs: number } | undefined {
  try {
    // The reading end first and without waiting, or opening the other one would block.
    const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const theirs = openSync(path, constants.O_WRONLY);
    return { ours: new Socket({ fd: reading, readable: true, writable: false }), theirs };
  } catch {
    return undefined;
  }
}

function openInput(path: string): { ours: Writable; theirs: number } | undefined {
  try {
    const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const theirs = openSync(path, constants.O_RDONLY);
    const writing = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    closeSync(both);
    return { ours: new Socket({ fd: writing, readable: false, writable: true }), theirs };
  } catch {
    return undefined;
  }
}

/** `pid` has the terminal as its standard input; its device is found by number in `folder`. False while that is not so. */
export function resizeTerminal(pid: number, folder: string, width: number, height: number): boolean {
  let number: string | undefined;
  try {
    number = /^\/(?:dev\/pts\/)?(\d+)$/.exec(readlinkSync(`/proc/${pid}/fd/0`))?.[1];
  } catch {
    return false;
  }
  if (number === undefined) return false;
  spawn('stty', ['-F', join(folder, number), 'rows', String(height), 'cols', String(width)], { stdio: 'ignore' }).on('error', () => undefined);
  return true;
}
