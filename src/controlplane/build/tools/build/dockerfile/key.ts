/** Keys of layers: what went into one, as one digest. */
import { createHash } from 'node:crypto';

/** Of values that JSON can tell; equal values give equal keys. */
export function keyOf(...parts: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
