/** Node programs that could run the platform itself. */
import { findPrograms, thisMachine, type Machine } from './command.ts';

export const oldestNode = '22.15.0';

export interface NodeRuntime {
  program: string;
  version: string;
  /** At least `oldestNode`, with `node:sqlite`. */
  suitable: boolean;
}

/** Those of the path, newest first; empty if there is none. */
export async function detectNodeRuntimes(machine: Machine = thisMachine): Promise<NodeRuntime[]> {
  const found = await Promise.all(
    (await findPrograms(machine, 'node', 'nodejs')).map(async (path): Promise<NodeRuntime | undefined> => {
      const asked = await machine.run(path, ['-p', 'JSON.stringify([process.execPath, process.versions.node, require("module").builtinModules.includes("sqlite") || (() => { try { return !!require("node:sqlite") } catch { return false } })()])']);
      if (asked.code !== 0) return undefined;
      const [program, version, sqlite] = JSON.parse(asked.stdout) as [string, string, boolean];
      return { program, version, suitable: sqlite && compareVersions(version, oldestNode) >= 0 };
    }),
  );
  const unique = new Map(found.filter((one) => one !== undefined).map((one) => [one.program, one]));
  return [...unique.values()].sort((a, b) => compareVersions(b.version, a.version));
}

/** By numbers; what follows a `-` is left out. */
export function compareVersions(a: string, b: string): number {
  const numbers = (version: string) => (version.replace(/^v/, '').split('-')[0] ?? '').split('.').map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let index = 0; index < 3; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
