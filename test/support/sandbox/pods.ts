/** Pods and containers of the built-in image, with what a test cares about. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerConfig, ContainerStatus, PodSandbox, PodSandboxConfig } from '../../../src/agent/runtime/runtime.ts';
import type { Machine } from './machine.ts';

let count = 0;

export interface TestPod {
  pod: PodSandbox;
  container: string;
  /** Lines of the log's text, all files of it, oldest first. */
  lines(): string[];
  rawLog(): string;
}

export function podConfig(change: Partial<PodSandboxConfig> = {}): PodSandboxConfig {
  const name = change.name ?? `pod-${++count}`;
  return {
    uid: name, namespace: 'demo', name, attempt: 0, hostname: name, hostNetwork: false, hostAliases: [], ports: [8080],
    dns: { servers: ['172.30.0.10'], searches: ['demo.svc.cluster.local', 'svc.cluster.local', 'cluster.local'], options: ['ndots:5'] }, ...change,
  };
}

export function containerConfig(logDirectory: string, change: Partial<ContainerConfig> = {}): ContainerConfig {
  return {
    name: 'main', attempt: 0, imageId: 'slipway/tools', env: [], mounts: [], user: { uid: 1000580000, gid: 0 }, readOnlyRootFilesystem: false, tty: false, stdin: false, stdinOnce: false,
    memoryLimit: 0, cpuLimit: 0, buildPowers: false, logDirectory, ...change,
  };
}

export async function startPod(machine: Machine, change: Partial<ContainerConfig> = {}, node = 1, pod: Partial<PodSandboxConfig> = {}): Promise<TestPod> {
  const sandbox = await machine.agent<PodSandbox>(node, 'runPod', podConfig(pod));
  const logs = join(machine.directory, 'logs', sandbox.id);
  const container = await machine.agent<string>(node, 'create', sandbox.id, containerConfig(logs, change));
  await machine.agent(node, 'start', container);
  const rawLog = () => readFileSync(join(logs, `${change.attempt ?? 0}.log`), 'utf8');
  return { pod: sandbox, container, rawLog, lines: () => rawLog().split('\n').filter(Boolean).map((line) => line.split(' ').slice(3).join(' ')) };
}

/** Runs a command to its end; answers its output's lines. */
export async function runPod(machine: Machine, script: string, change: Partial<ContainerConfig> = {}, node = 1): Promise<{ lines: string[]; status: ContainerStatus; rawLog: string }> {
  const { pod, container, lines, rawLog } = await startPod(machine, { command: ['sh', '-c', script], ...change }, node);
  const status = await machine.agent<ContainerStatus>(node, 'exited', container);
  const result = { lines: lines(), status, rawLog: rawLog() };
  await machine.agent(node, 'removePod', pod.id);
  return result;
}
