/** Eviction thresholds in the kubelet's notation (Kubernetes docs, "Node-pressure Eviction"). */
import { bytesText, quantityOf } from '../../api/quantity.ts';

export const signals = ['memory.available', 'nodefs.available', 'nodefs.inodesFree', 'imagefs.available', 'imagefs.inodesFree', 'pid.available'] as const;
export type Signal = (typeof signals)[number];

/** An amount, or a share of what there is; with `atMost` the share counts up to that amount. */
export type Amount = { quantity: number } | { share: number; atMost?: number };

export interface Threshold {
  signal: Signal;
  /** Reached while less than this is available. */
  below: Amount;
  /** How long it must have been reached before pods go; 0: a hard one. */
  graceMs: number;
  /** Once reached, it is over only when this much more is available. */
  reclaim?: Amount;
}

/** `100Mi`, `10%`. Throws for anything else. */
export function parseAmount(text: string): Amount {
  const share = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1];
  if (share === undefined) {
    const quantity = quantityOf(text);
    if (quantity < 0) throw new Error(`"${text}" must not be negative`);
    return { quantity };
  }
  if (Number(share) > 100) throw new Error(`"${text}" is more than there is`);
  return { share: Number(share) / 100 };
}

export function amountOf(amount: Amount, capacity: number): number {
  return 'quantity' in amount ? amount.quantity : Math.min(amount.share * capacity, amount.atMost ?? Infinity);
}

export const isBytes = (signal: Signal) => signal === 'memory.available' || signal.endsWith('fs.available');

export function amountText(signal: Signal, amount: number): string {
  return isBytes(signal) ? bytesText(amount) : String(Math.trunc(amount));
}

export const keyOf = ({ signal, graceMs }: Threshold) => `${signal} ${graceMs}`;
