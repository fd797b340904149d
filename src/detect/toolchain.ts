/** The languages this machine can build and run: what each host builder stands on. */
import { thisMachine, type Machine } from './command.ts';
import { installLine, thisPackageManager } from './install-hint.ts';
import { findNode } from './node-toolchain.ts';
import { findPython } from './python-toolchain.ts';
import type { FoundToolchain, Rejected, Search } from './search.ts';

/** One host builder's toolchain: found, or missing with the line that brings it. */
export interface Toolchain {
  /** Name of the builder: `nodejs`, `python`, `static`. */
  builder: string;
  displayName: string;
  found?: FoundToolchain;
  rejected: Rejected[];
  /** Only if nothing was found. */
  missing?: { why: string; install?: string };
}

interface Language {
  builder: string;
  displayName: string;
  program: string;
  search(machine: Machine): Promise<Search>;
}

/** Adding a language is adding an entry here, a search, and its builder's scripts in the catalogue. */
const languages: readonly Language[] = [
  { builder: 'nodejs', displayName: 'Node.js', program: 'node', search: (machine) => findNode(machine, { npm: true }) },
  { builder: 'python', displayName: 'Python', program: 'python3', search: findPython },
  { builder: 'static', displayName: 'Static files', program: 'node', search: (machine) => findNode(machine, { npm: false }) },
];

export async function detectToolchains(machine: Machine = thisMachine): Promise<Toolchain[]> {
  const manager = await thisPackageManager(machine.platform);
  return Promise.all(
    languages.map(async ({ builder, displayName, program, search }): Promise<Toolchain> => {
      const { found, rejected, packages } = await search(machine);
      if (found) return { builder, displayName, found, rejected };
      const why = rejected.length === 0 ? `${program} is not on the path` : rejected.map((one) => `${one.program}: ${one.why}`).join('; ');
      const install = installLine(manager, packages);
      return { builder, displayName, rejected, missing: { why, ...(install && { install }) } };
    }),
  );
}
