/** A runtime driver's calls in a form that crosses a pipe. */
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import type { ContainerConfig, ContainerLimits, ExecSession, ImageAuth, PodSandboxConfig, Runtime } from '../../../src/agent/runtime/runtime.ts';
import type { Methods } from './rpc.ts';

export interface ExecResult {
  stdout: string;
  stderr: string;
  exit: { code: number } | { error: string };
}

/** One step of a conversation with a session. */
export type Step = { write: string } | { waitFor: string } | { resize: [number, number] } | { end: true } | { kill: true };

export async function converse(session: ExecSession, steps: Step[]): Promise<ExecResult> {
  const output = { stdout: '', stderr: '' };
  const arrived = new Set<() => void>();
  const collect = (name: 'stdout' | 'stderr', stream: Readable) => {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output[name] += chunk;
      for (const check of arrived) check();
    });
    return new Promise<void>((resolve) => stream.once('close', () => resolve()).once('end', () => resolve()));
  };
  const ended = Promise.all([collect('stdout', session.stdout), collect('stderr', session.stderr)]);
  for (const step of steps) {
    if ('write' in step) session.stdin.write(step.write);
    else if ('end' in step) session.stdin.end();
    else if ('kill' in step) session.kill();
    else if ('resize' in step) session.resize(...step.resize);
    else
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`"${step.waitFor}" did not come; so far: ${JSON.stringify(output)}`)), 10_000);
        const check = () => {
          if (!output.stdout.includes(step.waitFor)) return;
          clearTimeout(timer);
          arrived.delete(check);
          resolve();
        };
        arrived.add(check);
        check();
      });
  }
  const exit = await session.exit;
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 1000))]);
  return { ...output, exit };
}

export function runtimeMethods(runtime: Runtime): Methods {
  const changes: string[] = [];
  runtime.onChange((id) => changes.push(id));
  return {
    capabilities: () => runtime.capabilities,
    runPod: (config: PodSandboxConfig) => runtime.runPodSandbox(config),
    stopPod: (id: string) => runtime.stopPodSandbox(id),
    removePod: (id: string) => runtime.removePodSandbox(id),
    pods: () => runtime.listPodSandboxes(),
    create: (pod: string, config: ContainerConfig) => runtime.createContainer(pod, config),
    start: (id: string) => runtime.startContainer(id),
    stop: (id: string, grace: number) => runtime.stopContainer(id, grace),
    changeLimits: (id: string, limits: ContainerLimits) => runtime.changeLimits(id, limits),
    remove: (id: string) => runtime.removeContainer(id),
    status: (id: string) => runtime.containerStatus(id),
    containers: () => runtime.listContainers(),
    changes: () => changes,
    exited: async (id: string) => {
      for (;;) {
        const status = await runtime.containerStatus(id);
        if (!status || status.state === 'exited') return status;
        await new Promise<void>((resolve) => {
          const watching = runtime.onChange((changed) => {
            if (changed !== id) return;
            void watching.dispose();
            resolve();
          });
        });
      }
    },
    exec: async (id: string, argv: string[], options: { tty?: boolean; steps?: Step[] } = {}) => {
      const session = await runtime.exec(id, argv, { tty: options.tty ?? false, stdin: options.steps !== undefined });
      return converse(session, options.steps ?? []);
    },
    attach: async (id: string, options: { tty?: boolean; stdin?: boolean; steps: Step[] }) => converse(await runtime.attach(id, { tty: options.tty ?? false, stdin: options.stdin ?? true }), options.steps),
    stats: (id: string) => runtime.stats(id),
    networkStats: (pod: string) => runtime.networkStats?.(pod),
    /** Until the container's log holds the text. */
    logged: async (id: string, text: string) => {
      const { logPath } = (await runtime.containerStatus(id))!;
      for (const end = Date.now() + 10_000; !existsSync(logPath) || !readFileSync(logPath, 'utf8').includes(text); ) {
        if (Date.now() > end) throw new Error(`"${text}" is not in ${logPath}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    pull: (reference: string, auth?: ImageAuth) => runtime.images.pull(reference, auth, AbortSignal.timeout(60_000)),
    imageStatus: (reference: string) => runtime.images.status(reference),
    /** One HTTP request over a connection into the pod. */
    http: async (pod: string, port: number, path = '/') => {
      const stream = await runtime.dial(pod, port);
      stream.write(`GET ${path} HTTP/1.0\r\nHost: pod\r\n\r\n`);
      let text = '';
      for await (const chunk of stream) text += String(chunk);
      return text;
    },
    /** Milliseconds until something accepts connections. */
    accepts: async (host: string, port: number) => {
      const start = performance.now();
      for (;;) {
        const open = await new Promise<boolean>((resolve) => {
          const socket = connect(port, host, () => {
            socket.destroy();
            resolve(true);
          });
          socket.once('error', () => resolve(false));
        });
        if (open) return performance.now() - start;
        if (performance.now() - start > 10_000) throw new Error(`nothing accepts on ${host}:${port}`);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
  };
}
