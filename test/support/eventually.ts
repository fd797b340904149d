import { expect } from 'vitest';

/** What becomes true by itself, on a machine that may be busy: asked again for up to 15 seconds. */
export const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 15_000, interval: 10 });
