/**
 * One table of what a pod is given, whatever runs it: pods as a user writes them, and what is then seen of them by kubectl. Every driver answers all of it, or a case says why it cannot.
 * All pods of the table are applied at once; its cases look at them one after the other. What only the driver's own contract shows is in test/flow/runtime/contract.ts.
 */
import type { RuntimeName } from '../../../src/agent/runtime/runtime.ts';
import type { Container, Pod } from '../../../src/api/kinds/core.ts';
import { toolsImage } from '../../../src/api/well-known.ts';
import type { EngineName } from '../engine/test-engine.ts';
import type { DriverBed } from './bed.ts';

/** The driver `engine` is told apart by whose engine it is. */
export type DriverName = Exclude<RuntimeName, 'engine'> | EngineName;

export interface DriverCase {
  name: string;
  /** Applied before the first case runs. */
  objects?: (bed: Pick<DriverBed, 'shared' | 'driver'>) => object[];
  run(bed: DriverBed): Promise<void>;
  /** Why a driver cannot by its nature; each stands in test/skips.json too. */
  skips?: Partial<Record<DriverName, string>>;
}

type More<T> = { [K in keyof T]?: unknown };

/** Below this a volume is found in every driver: plain processes see this machine's own paths elsewhere. */
export const place = '/opt/app-root';

export function shell(name: string, script: string, more: More<Container> = {}): object {
  return { name, image: toolsImage, imagePullPolicy: 'IfNotPresent', command: ['sh', '-c', script], ...more };
}

export function node(name: string, program: string, more: More<Container> = {}): object {
  return { name, image: toolsImage, imagePullPolicy: 'IfNotPresent', command: ['node', '-e', program], ...more };
}

export function podOf(name: string, containers: object[], spec: More<Pod['spec']> = {}, metadata: More<Pod['metadata']> = {}): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: name }, ...metadata }, spec: { terminationGracePeriodSeconds: 1, containers, ...spec } };
}

/** Keeps a deleted pod until its end was looked at. */
export const kept = { finalizers: ['slipway.dev/looked-at'] };

/** Stays after it has printed. */
export const told = (script: string) => `${script}; echo over; exec sleep 100000`;

/** Goes on until it is told to end, and says so in a file. */
export const untilTold = (file: string, word: string) => `trap 'echo ${word} >> ${file}; exit 0' TERM; while :; do sleep 0.05; done`;
