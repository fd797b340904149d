/**
 * What an owner may set of a node: `kubelet.json` in its folder (`<home>/nodes/<name>`), with the names of a real node's KubeletConfiguration. It is read when the agent starts.
 *
 *   { "evictionHard": { "memory.available": "500Mi", "nodefs.available": "10%" }, "imageGCHighThresholdPercent": 85, "podPidsLimit": 2048 }
 *
 * The defaults are the kubelet's. A share of the disk counts up to an amount only, since the disk belongs to its owner and not to this node: nine tenths full says little of a large one.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isObject } from '../../api/json.ts';
import { parseAmount, signals, type Amount, type Signal, type Threshold } from '../eviction/threshold.ts';

export interface NodeSettings {
  thresholds: Threshold[];
  /** A pressure condition lasts at least this long, ms. */
  pressureTransitionMs: number;
  /** Most grace of a pod that a soft threshold evicts, seconds. */
  maxPodGraceSeconds: number;
  images: ImageSettings;
  /** Processes and threads of a pod. */
  podPids: number;
}

export interface ImageSettings {
  /** Shares of the disk: above the first, images go until the second. */
  high: number;
  low: number;
  /** While more than this is free, bytes, the disk is not called full. */
  enough: number;
  /** An image stays at least this long after it was last used, ms. */
  minimumAgeMs: number;
  /** An unused one goes after this, ms; 0: never for its age alone. */
  maximumAgeMs: number;
}

const gibibyte = 1024 ** 3;

const usualHard: Record<string, Amount> = {
  'memory.available': { quantity: 100 * 1024 ** 2 },
  'nodefs.available': { share: 0.1, atMost: gibibyte },
  'nodefs.inodesFree': { share: 0.05, atMost: 10_000 },
  'imagefs.available': { share: 0.15, atMost: gibibyte },
  'imagefs.inodesFree': { share: 0.05, atMost: 10_000 },
};

/** OpenShift's bound (docs, "Configuring the process limits of a container"). */
const usualPids = 4096;

export const settingsFile = 'kubelet.json';

/** Never rejects: what cannot be used is told and left at its default. */
export async function readSettings(folder: string): Promise<{ settings: NodeSettings; problems: string[] }> {
  const file = path.join(folder, settingsFile);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return settingsFrom({});
  }
  try {
    return settingsFrom(JSON.parse(text));
  } catch (error) {
    return { settings: settingsFrom({}).settings, problems: [`${file} is no JSON: ${(error as Error).message}`] };
  }
}

/** Pure. */
export function settingsFrom(document: unknown): { settings: NodeSettings; problems: string[] } {
  const problems: string[] = [];
  const given = isObject(document) ? document : {};
  if (!isObject(document)) problems.push('the document is no object');
  const attempt = <T>(name: string, read: (value: unknown) => T, usual: T): T => {
    if (given[name] === undefined) return usual;
    try {
      return read(given[name]);
    } catch (error) {
      problems.push(`${name}: ${(error as Error).message}`);
      return usual;
    }
  };
  const hard = attempt('evictionHard', (value) => amounts(value), usualHard);
  const soft = attempt('evictionSoft', (value) => amounts(value), {});
  const grace = attempt('evictionSoftGracePeriod', (value) => Object.fromEntries(entries(value).map(([name, text]) => [name, durationMs(text)])), {});
  const reclaim = attempt('evictionMinimumReclaim', (value) => amounts(value), {});
  const threshold = (signal: string, below: Amount, graceMs: number): Threshold => ({ signal: signal as Signal, below, graceMs, ...(reclaim[signal] && { reclaim: reclaim[signal] }) });
  for (const signal of Object.keys(soft)) if (!grace[signal]) problems.push(`evictionSoft: ${signal} has no evictionSoftGracePeriod`);
  const percent = (name: string, usual: number) => attempt(name, (value) => share(value), usual);
  const chosen = given['imageGCHighThresholdPercent'] !== undefined || given['imageGCLowThresholdPercent'] !== undefined;
  const high = percent('imageGCHighThresholdPercent', 0.85);
  const low = percent('imageGCLowThresholdPercent', 0.8);
  if (low >= high) problems.push('imageGCLowThresholdPercent must be less than imageGCHighThresholdPercent');
  const settings: NodeSettings = {
    thresholds: [
      ...Object.entries(hard).map(([signal, below]) => threshold(signal, below, 0)),
      ...Object.entries(soft).flatMap(([signal, below]) => (grace[signal] ? [threshold(signal, below, grace[signal])] : [])),
    ],
    pressureTransitionMs: attempt('evictionPressureTransitionPeriod', durationMs, 5 * 60_000),
    maxPodGraceSeconds: attempt('evictionMaxPodGracePeriod', whole, 0),
    images: {
      ...(low < high ? { high, low } : { high: 0.85, low: 0.8 }),
      enough: chosen ? Infinity : 15 * gibibyte,
      minimumAgeMs: attempt('imageMinimumGCAge', durationMs, 2 * 60_000),
      maximumAgeMs: attempt('imageMaximumGCAge', durationMs, 0),
    },
    podPids: attempt('podPidsLimit', whole, usualPids),
  };
  return { settings, problems };
}

function entries(value: unknown): [string, unknown][] {
  if (!isObject(value)) throw new Error('must be an object of signals');
  for (const name of Object.keys(value)) if (!(signals as readonly string[]).includes(name)) throw new Error(`unknown signal "${name}"; there are ${signals.join(', ')}`);
  return Object.entries(value);
}

function amounts(value: unknown): Record<string, Amount> {
  return Object.fromEntries(entries(value).map(([name, text]) => [name, parseAmount(String(text))]));
}

function share(value: unknown): number {
  const number = whole(value);
  if (number > 100) throw new Error('must be between 0 and 100');
  return number / 100;
}

function whole(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw new Error('must be a whole number of at least 0');
  return value;
}

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go's notation: `1m30s`, `5m0s`, `500ms`. */
export function durationMs(value: unknown): number {
  const text = String(value);
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) throw new Error(`"${text}" is no duration; write 90s, 1m30s, 2h`);
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce((sum, [, number, unit]) => sum + Number(number) * (units[unit ?? ''] ?? 0), 0);
}
