/**
 * What this node and its pods use now, measured when somebody asks. Answers within a moment of each other are one answer, so that the cost is bounded however many ask;
 * the first one after a pause takes two looks, since a rate needs two.
 */
import os from 'node:os';
import type { Pod } from '../../api/kinds/core.ts';
import { delay, type Clock } from '../../base/clock.ts';
import type { ContainerStatsSummary, InterfaceStats, MemoryStats, NetworkStats, PodStats, StatsSummary } from '../../protocol/stats.ts';
import type { RuntimeCache } from '../pods/runtime-cache.ts';
import type { ContainerStats, Runtime } from '../runtime/runtime.ts';
import { CpuMeter, leastWindowMs, longestWindowMs } from './cpu-meter.ts';
import { fsUsage, machineCpu, machineMemory, machineProcesses } from './machine-usage.ts';

export interface CollectorParts {
  nodeName: string;
  runtime: Runtime;
  cache: RuntimeCache;
  pods(): readonly Pod[];
  /** The agent's folder. */
  folder: string;
  clock: Clock;
}

export interface Collector {
  summary(): Promise<StatsSummary>;
}

const nodeId = 'node';
/** One answer serves everybody who asks within this time. */
const freshMs = 1_000;

export function statsCollector(parts: CollectorParts): Collector {
  const { clock } = parts;
  const meter = new CpuMeter();
  let last: { at: number; answer: Promise<StatsSummary> } | undefined;

  const measure = async (before: number | undefined): Promise<StatsSummary> => {
    const due = before === undefined || clock.now().getTime() - before > longestWindowMs;
    if (due) {
      await look(parts, meter);
      await delay(clock, leastWindowMs + 100);
    }
    return look(parts, meter);
  };

  return {
    summary() {
      const now = clock.now().getTime();
      if (last && now - last.at < freshMs) return last.answer;
      const answer = measure(last?.at);
      last = { at: now, answer };
      answer.catch(() => (last = undefined));
      return answer;
    },
  };
}

async function look(parts: CollectorParts, meter: CpuMeter): Promise<StatsSummary> {
  const { runtime, cache, clock, folder, nodeName } = parts;
  const at = clock.now().getTime();
  const time = new Date(at).toISOString();
  const ids = new Set([nodeId]);
  const measured = await Promise.all(parts.pods().map(async (pod): Promise<PodStats | undefined> => {
    const { sandboxes, containers } = cache.observe(pod.metadata.uid ?? '');
    const running = containers.filter(({ state }) => state === 'running');
    const used = await Promise.all(running.map(({ id }) => runtime.stats(id).catch(() => undefined)));
    const all = running.flatMap(({ id, name, startedAt, createdAt }, index) => {
      const stats = used[index];
      if (!stats) return [];
      ids.add(id);
      return [{ stats, summary: { name, startTime: startedAt ?? createdAt, cpu: { time, ...meter.add(id, stats.cpuNanoseconds, at) }, memory: memoryOf(stats, time) } }];
    });
    const [sandbox] = sandboxes;
    if (all.length === 0 || !sandbox) return undefined;
    const interfaces = await runtime.networkStats?.(sandbox.id).catch(() => undefined);
    return podStats(pod, sandbox.createdAt, all, interfaces, time);
  }));
  meter.keep(ids);
  const [memory, fs, processes] = await Promise.all([machineMemory(), fsUsage(folder, time), machineProcesses()]);
  return {
    node: {
      nodeName,
      startTime: new Date(at - os.uptime() * 1000).toISOString(),
      cpu: { time, ...meter.add(nodeId, machineCpu(), at) },
      memory: { time, availableBytes: memory.availableBytes, usageBytes: memory.usageBytes, workingSetBytes: memory.workingSetBytes, rssBytes: memory.workingSetBytes },
      fs,
      // Images lie in the agent's folder too.
      runtime: { imageFs: fs },
      ...(processes && { rlimit: { time, ...processes } }),
    },
    pods: measured.filter((one) => one !== undefined),
  };
}

function memoryOf({ usageBytes, workingSetBytes, rssBytes }: ContainerStats, time: string): MemoryStats {
  return { time, usageBytes, workingSetBytes, rssBytes };
}

function podStats(pod: Pod, startTime: string, all: readonly { stats: ContainerStats; summary: ContainerStatsSummary }[], interfaces: InterfaceStats[] | undefined, time: string): PodStats {
  const { name, namespace = '', uid = '' } = pod.metadata;
  const containers = all.map(({ summary }) => summary);
  const rates = containers.flatMap(({ cpu }) => cpu.usageNanoCores ?? []);
  return {
    podRef: { name, namespace, uid },
    startTime,
    containers,
    cpu: { time, ...(rates.length > 0 && { usageNanoCores: sum(rates) }), usageCoreNanoSeconds: sum(containers.map(({ cpu }) => cpu.usageCoreNanoSeconds)) },
    memory: {
      time,
      usageBytes: sum(containers.map(({ memory }) => memory.usageBytes)),
      workingSetBytes: sum(containers.map(({ memory }) => memory.workingSetBytes)),
      rssBytes: sum(containers.map(({ memory }) => memory.rssBytes)),
    },
    ...(interfaces?.[0] && { network: networkOf(interfaces, time) }),
    process_stats: { process_count: sum(all.map(({ stats }) => stats.processes)) },
  };
}

/** The default interface stands for itself, then all stand in a list (the kubelet's form). */
function networkOf(interfaces: InterfaceStats[], time: string): NetworkStats {
  const first = interfaces.find(({ name }) => name === 'eth0') ?? (interfaces[0] as InterfaceStats);
  return { time, ...first, interfaces };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
