/** What pods use, as PodMetrics tell it, made ready for the calculator. Pure. */
import type { PodMetrics } from '../../../api/kinds/metrics.ts';
import { thousandths, type Sample } from './replica-calculator.ts';

export interface PodUsage {
  name: string;
  at: number;
  windowMs: number;
  /** Thousandths by resource. */
  containers: { name: string; usage: Readonly<Record<string, number>> }[];
}

export function podUsage({ metadata, timestamp, window, containers }: PodMetrics): PodUsage {
  return {
    name: metadata.name,
    at: Date.parse(timestamp),
    windowMs: millisecondsOf(window),
    containers: containers.map(({ name, usage }) => ({ name, usage: Object.fromEntries(Object.entries(usage).map(([resource, amount]) => [resource, thousandths(amount as string)])) })),
  };
}

/** Of the whole pod, or of one container, which then has to be in every pod. */
export function samplesOf(all: readonly PodUsage[], resource: string, container: string | undefined, namespace: string | undefined): Map<string, Sample> {
  const samples = new Map<string, Sample>();
  for (const { name, at, windowMs, containers } of all) {
    if (container === undefined) {
      const amounts = containers.map(({ usage }) => usage[resource]);
      if (amounts.every((amount) => amount !== undefined)) samples.set(name, { value: amounts.reduce((sum, amount) => sum + amount, 0), at, windowMs });
      continue;
    }
    const found = containers.find((one) => one.name === container);
    if (!found) throw new Error(`container ${container} not present in metrics for pod ${namespace}/${name}`);
    const value = found.usage[resource];
    if (value !== undefined) samples.set(name, { value, at, windowMs });
  }
  return samples;
}

/** `15s`, `1m0.5s`: a Go duration of a minute or so. */
function millisecondsOf(text: string): number {
  const [, minutes = '0', seconds = '0'] = /^(?:(\d+)m)?(?:([\d.]+)s)?$/.exec(text) ?? [];
  return (Number(minutes) * 60 + Number(seconds)) * 1000;
}
