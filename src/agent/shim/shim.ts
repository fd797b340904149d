/** One container's shim: log, status, socket. Keeps going whatever becomes of the agent. */
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { availableParallelism, constants } from 'node:os';
import { join } from 'node:path';
import { channel } from '../../protocol/agent.ts';
import { shimFiles, type ShimRequest, type ShimSpec, type ShimStatus } from '../../protocol/shim.ts';
import { startTimeOf } from '../runtime/procfs.ts';
import { ranOutOfMemory } from '../runtime/cgroup.ts';
import { readState, writeRunState, writeState } from '../runtime/state-file.ts';
import { ContainerProcess } from './container-process.ts';
import { encodeFrames, FrameReader } from './frame.ts';
import { LogFile } from './log-file.ts';
import { LineCutter, logClock } from './log-line.ts';
import { listenAddress } from './shim-socket.ts';
import { CpuThrottle } from './throttle.ts';

/** An attached client that takes its output slower than this many bytes behind is cut off; the log has everything. */
const attachedLimit = 4 * 1024 * 1024;
const longestRequest = 64 * 1024;
/** Milliseconds between two looks at a container's memory; in between it may grow past its limit. */
const memoryInterval = 250;

interface Equipment {
  spec: ShimSpec;
  log: LogFile;
  cutters: Record<'stdout' | 'stderr', LineCutter>;
}

export class Shim {
  readonly #directory: string;
  #equipment: Equipment | undefined;
  readonly #server: Server;
  readonly #watchers = new Set<Socket>();
  readonly #attached = new Set<Socket>();
  #done: () => void;
  #status: ShimStatus = { state: 'created', shimPid: process.pid };
  #process: ContainerProcess | undefined;
  #killAt: { at: number; timer: NodeJS.Timeout } | undefined;
  #throttle: CpuThrottle | undefined;
  #overLimit = false;
  /** Bytes; 0: not watched. */
  #memoryLimit = 0;

  /** `ready` is called when it listens, `done` once: when the container has ended, everything is on disk and everybody has been told. */
  constructor(directory: string, ready: () => void, done: () => void) {
    this.#directory = directory;
    this.#done = () => {
      this.#done = () => undefined;
      done();
    };
    rmSync(join(directory, shimFiles.socket), { force: true });
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.on('error', () => this.#done());
    listenIn(directory, this.#server, ready);
    this.#save(this.#status);
  }

  /** The container's description is there before the first request about it: the shim starts while it is still being written. */
  #equip(): Equipment {
    if (this.#equipment) return this.#equipment;
    const spec = readState<ShimSpec>(join(this.#directory, shimFiles.spec));
    if (!spec) throw new Error(`${this.#directory} holds no ${shimFiles.spec}`);
    const stamp = logClock();
    this.#equipment = { spec, log: new LogFile(spec.log), cutters: { stdout: new LineCutter('stdout', stamp), stderr: new LineCutter('stderr', stamp) } };
    return this.#equipment;
  }

  #serve(socket: Socket): void {
    let text = '';
    socket.on('error', () => undefined);
    const onData = (chunk: Buffer) => {
      // One character a byte: what follows an attach request is frames, whose bytes must come through as they are.
      text += chunk.toString('latin1');
      if (text.length > longestRequest) return socket.destroy();
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
        const line = text.slice(0, at);
        text = text.slice(at + 1);
        const request = requestIn(line);
        if (!request) return void socket.destroy();
        if (request.op === 'attach') {
          socket.off('data', onData);
          return this.#attach(socket, Buffer.from(text, 'latin1'), request.stdin ?? true);
        }
        this.#handle(socket, request);
      }
    };
    socket.on('data', onData);
  }

  #handle(socket: Socket, request: Exclude<ShimRequest, { op: 'attach' }>): void {
    switch (request.op) {
      case 'watch':
        this.#watchers.add(socket);
        socket.once('close', () => this.#watchers.delete(socket));
        socket.write(`${JSON.stringify(this.#status)}\n`);
        return;
      case 'start':
        return this.#start();
      case 'stop':
        return this.#stop(request.signal, request.graceSeconds);
      case 'limits':
        return this.#changeLimits(request.memoryLimit, request.cpuLimit);
    }
  }

  #start(): void {
    if (this.#process || this.#status.state === 'exited') return;
    try {
      const { spec } = this.#equip();
      this.#process = new ContainerProcess(this.#directory, spec, {
        started: (pid) => {
          this.#save({ ...this.#status, state: 'running', pid, startTime: startTimeOf(pid), startedAt: new Date().toISOString() });
          this.#changeLimits(spec.memoryLimit, spec.cpuLimit);
        },
        output: (stream, chunk) => this.#output(stream, chunk),
        ended: (end) => this.#end(end.code, end.signal, end.error),
      });
    } catch (error) {
      this.#end(128, undefined, (error as Error).message);
    }
  }

  #stop(signal: string, graceSeconds: number): void {
    if (this.#status.state === 'exited') return;
    if (!this.#process) return this.#end(137, 9, 'stopped before it was started');
    if (graceSeconds > 0) {
      this.#throttle?.release();
      this.#process.kill(signalName(signal));
    }
    const at = Date.now() + graceSeconds * 1000;
    // A second request may only shorten the time.
    if (this.#killAt && this.#killAt.at <= at) return;
    clearTimeout(this.#killAt?.timer);
    if (graceSeconds <= 0) return this.#kill();
    this.#killAt = { at, timer: setTimeout(() => this.#kill(), graceSeconds * 1000) };
  }

  #kill(): void {
    this.#throttle?.end();
    this.#process?.kill('SIGKILL');
  }

  #output(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    const { log, cutters } = this.#equip();
    log.write(cutters[stream].push(chunk));
    if (this.#attached.size === 0) return;
    const frames = encodeFrames(channel[stream], chunk);
    for (const socket of this.#attached) {
      socket.write(frames);
      if (socket.writableLength > attachedLimit) socket.destroy();
    }
  }

  #attach(socket: Socket, first: Buffer, sends: boolean): void {
    if (this.#status.state === 'exited') return void socket.end(exitFrame(this.#status));
    const { spec } = this.#equip();
    this.#attached.add(socket);
    const reader = new FrameReader((id, payload) => {
      if (id === channel.stdin && spec.stdin) this.#feed(socket, payload);
      else if (id === channel.stdinEnd && spec.stdinOnce) this.#process?.stdin?.end();
      else if (id === channel.resize) {
        const { width, height } = JSON.parse(payload.toString('utf8')) as { width: number; height: number };
        this.#process?.resize(width, height);
      }
    });
    const push = (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch {
        socket.destroy();
      }
    };
    socket.on('data', push);
    socket.once('close', () => {
      this.#attached.delete(socket);
      if (spec.stdinOnce && sends) this.#process?.stdin?.end();
    });
    if (first.length > 0) push(first);
  }

  /** A sender that is faster than the application waits: nothing of a long input is kept here. */
  #feed(socket: Socket, payload: Buffer): void {
    const stdin = this.#process?.stdin;
    if (stdin === undefined || stdin.write(Buffer.from(payload)) || stdin.destroyed || socket.isPaused()) return;
    socket.pause();
    const go = () => socket.resume();
    stdin.once('drain', go).once('close', go);
  }

  /** 0: none. */
  #changeLimits(memoryLimit: number, cpuLimit: number): void {
    if (this.#status.state !== 'running') return;
    const watched = this.#memoryLimit > 0;
    this.#memoryLimit = memoryLimit;
    if (memoryLimit > 0 && !watched) this.#watchMemory();
    if (cpuLimit > 0 && this.#throttle) this.#throttle.changeLimit(cpuLimit / 1000);
    else if (cpuLimit > 0) this.#holdCpu(cpuLimit / 1000);
    else this.#throttle = void this.#throttle?.end();
  }

  #watchMemory(): void {
    const look = () => {
      if (this.#status.state === 'exited' || this.#memoryLimit === 0) return;
      const used = this.#process?.memory() ?? 0;
      this.#overLimit = used > this.#memoryLimit;
      if (this.#overLimit) this.#kill();
      else setTimeout(look, memoryInterval).unref();
    };
    setTimeout(look, memoryInterval).unref();
  }

  /** Nothing is watched where no limit can be exceeded. */
  #holdCpu(limit: number): void {
    const found = limit < availableParallelism() ? this.#process?.family() : undefined;
    if (found) this.#throttle = new CpuThrottle({ ...found, limit });
  }

  #end(exitCode: number, signal: number | undefined, error: string | undefined): void {
    clearTimeout(this.#killAt?.timer);
    this.#throttle?.end();
    const { log, cutters, spec } = this.#equipment ?? {};
    for (const stream of ['stdout', 'stderr'] as const) if (log && cutters) log.write(cutters[stream].end());
    log?.close();
    const neverRan = this.#status.state === 'created';
    const killed = (signal ?? exitCode - 128) === 9;
    const outOfMemory = this.#overLimit || (killed && spec?.group !== undefined && ranOutOfMemory(spec.group));
    const message = this.#overLimit ? `used more memory than its limit of ${this.#memoryLimit} bytes (enforced by polling)` : error;
    this.#save({
      ...this.#status,
      state: 'exited',
      finishedAt: new Date().toISOString(),
      exitCode,
      ...((signal ?? exitCode - 128) > 0 && exitCode !== 255 && { signal: signal ?? exitCode - 128 }),
      reason: outOfMemory ? 'OOMKilled' : neverRan ? 'ContainerCannotRun' : exitCode === 0 ? 'Completed' : 'Error',
      ...(message !== undefined && { message }),
    });
    for (const socket of this.#attached) socket.end(exitFrame(this.#status));
    for (const socket of this.#watchers) socket.end();
    const late = setTimeout(() => {
      // A client that never reads must not keep the shim.
      for (const socket of [...this.#watchers, ...this.#attached]) socket.destroy();
      this.#done();
    }, 2000);
    this.#server.close(() => {
      clearTimeout(late);
      this.#done();
    });
  }

  #save(status: ShimStatus): void {
    this.#status = status;
    try {
      const write = status.state === 'exited' ? writeState : writeRunState;
      write(join(this.#directory, shimFiles.status), status);
    } catch {
      // A full disk: watchers still learn it, and a missing end is told as one by the agent.
    }
    const line = `${JSON.stringify(status)}\n`;
    for (const socket of this.#watchers) socket.write(line);
  }
}

/** The folder is the working directory for that moment, so that the length of its path does not count. */
function listenIn(directory: string, server: Server, ready: () => void): void {
  if (process.platform === 'win32') return void server.listen(listenAddress(join(directory, shimFiles.socket)), ready);
  const before = process.cwd();
  process.chdir(directory);
  try {
    server.listen(shimFiles.socket, ready);
  } finally {
    process.chdir(before);
  }
}

/** One character a byte. */
function requestIn(line: string): ShimRequest | undefined {
  try {
    return JSON.parse(Buffer.from(line, 'latin1').toString('utf8')) as ShimRequest;
  } catch {
    return undefined;
  }
}

function exitFrame(status: ShimStatus): Buffer {
  return encodeFrames(channel.exit, Buffer.from(JSON.stringify({ code: status.exitCode ?? 255 })));
}

/** `SIGTERM`, `TERM` and `15` are one; what the system does not know is TERM. */
function signalName(text: string): NodeJS.Signals {
  const names = Object.entries(constants.signals);
  const wanted = text.toUpperCase();
  const found = names.find(([name, number]) => name === wanted || name === `SIG${wanted}` || String(number) === wanted);
  return (found?.[0] as NodeJS.Signals | undefined) ?? 'SIGTERM';
}
