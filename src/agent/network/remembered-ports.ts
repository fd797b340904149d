/** Loopback ports of service addresses, kept across restarts of the agent: processes that run on were told them in their variables. */
import { readState, writeState } from '../runtime/state-file.ts';

export interface RememberedPorts {
  /** By the key of a listener; undefined if it never had one. */
  get(key: string): number | undefined;
  set(key: string, port: number): void;
  /** The service is gone. */
  delete(key: string): void;
}

/** One small document; as many entries as there are service ports. */
export function rememberedPorts(file: string): RememberedPorts {
  const ports = new Map(Object.entries(readState<Record<string, number>>(file) ?? {}));
  const save = () => writeState(file, Object.fromEntries(ports));
  return {
    get: (key) => ports.get(key),
    set(key, port) {
      if (ports.get(key) === port) return;
      ports.set(key, port);
      save();
    },
    delete(key) {
      if (ports.delete(key)) save();
    },
  };
}
