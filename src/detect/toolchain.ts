/** The languages this machine can build and run: what each host builder stands on. */
import { thisMachine, type Machine } from './command.ts';
import { installLine, thisPackageManager, type PackageManager } from './install-hint.ts';
import { findDotnet } from './dotnet-toolchain.ts';
import { findGo } from './go-toolchain.ts';
import { findJava } from './java-toolchain.ts';
import { findNode } from './node-toolchain.ts';
import { findPerl } from './perl-toolchain.ts';
import { findPhp } from './php-toolchain.ts';
import { findPython } from './python-toolchain.ts';
import { findRuby } from './ruby-toolchain.ts';
import type { FoundToolchain, Rejected, Search } from './search.ts';

/** One host builder's toolchain: found, or missing with the line that brings it. */
export interface Toolchain {
  /** Name of the builder: `nodejs`, `python`, `golang`, … */
  builder: string;
  displayName: string;
  found?: FoundToolchain;
  /** More versions that work, each once; builds may name them. */
  others: FoundToolchain[];
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
  { builder: 'static', displayName: 'Static files', program: 'node', search: (machine) => findNode(machine, { npm: false }) },
  { builder: 'python', displayName: 'Python', program: 'python3', search: findPython },
  { builder: 'php', displayName: 'PHP', program: 'php', search: findPhp },
  { builder: 'ruby', displayName: 'Ruby', program: 'ruby', search: findRuby },
  { builder: 'perl', displayName: 'Perl', program: 'perl', search: findPerl },
  { builder: 'golang', displayName: 'Go', program: 'go', search: findGo },
  { builder: 'java', displayName: 'Java', program: 'java', search: findJava },
  { builder: 'dotnet', displayName: '.NET', program: 'dotnet', search: findDotnet },
];

/** Searches at a time: each starts programs of its own, and the first languages should not wait for the last. */
const atOnce = 2;

/** `told` hears of each as soon as it is known, in the order of the list or nearly so. */
export async function detectToolchains(machine: Machine = thisMachine, told: (toolchain: Toolchain) => void = () => undefined): Promise<Toolchain[]> {
  const manager = await thisPackageManager(machine.platform);
  const asking = remembering(machine);
  const results: Toolchain[] = [];
  const rest = languages.entries();
  const work = async () => {
    for (const [index, language] of rest) {
      const toolchain = await detect(asking, language, manager);
      results[index] = toolchain;
      told(toolchain);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}

async function detect(machine: Machine, { builder, displayName, program, search }: Language, manager: PackageManager): Promise<Toolchain> {
  const { found, others = [], rejected, packages } = await search(machine);
  if (found) return { builder, displayName, found, others, rejected };
  const why = rejected.length === 0 ? `${program} is not on this machine` : rejected.map((one) => `${one.program}: ${one.why}`).join('; ');
  const install = installLine(manager, packages);
  return { builder, displayName, others: [], rejected, missing: { why, ...(install && { install }) } };
}

/** Several builders stand on one program: it is asked once. */
function remembering(machine: Machine): Machine {
  const answers = new Map<string, ReturnType<Machine['run']>>();
  return {
    ...machine,
    run(file, args, env) {
      const key = JSON.stringify([file, args, env]);
      const known = answers.get(key) ?? machine.run(file, args, env);
      answers.set(key, known);
      return known;
    },
  };
}
