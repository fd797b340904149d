/** What the search for one language's toolchain gives, and the rules that all of them share. */
import { dirname } from 'node:path';
import type { CommandResult, Machine } from './command.ts';
import type { Packages } from './install-hint.ts';

/** A toolchain that was found, tried and works for this user. */
export interface FoundToolchain {
  /** Version it told when run, e.g. `22.4.0`. */
  version: string;
  /** The real program behind shims and links. */
  program: string;
  /** Folders outside `/usr` that it needs at the same path. */
  hostPaths: string[];
  /** More programs by name, as absolute paths: `npm`. */
  programs: Record<string, string>;
}

/** Programs that were found and cannot be used, each with its reason. */
export interface Rejected {
  program: string;
  why: string;
}

export interface Search {
  /** The one that is taken where nobody asks for a version. */
  found?: FoundToolchain;
  /** More versions that work, each once. */
  others?: FoundToolchain[];
  rejected: Rejected[];
  /** What would bring it if nothing was found. */
  packages: Packages;
}

/** The folder to bind so that `program` and what belongs to it are seen; nothing for what lies in `/usr`, which is bound anyway. */
export function hostPathsOf(prefixes: readonly string[], platform: NodeJS.Platform): string[] {
  if (platform === 'win32') return [];
  const outside = [...new Set(prefixes)].filter((prefix) => prefix !== '/' && prefix !== '/usr' && !prefix.startsWith('/usr/'));
  return outside.filter((path) => !outside.some((other) => other !== path && path.startsWith(`${other}/`))).sort();
}

/** `/opt/node/bin/node` gives `/opt/node`. A program that does not lie in a `bin` folder is taken with its own folder. */
export function prefixOf(program: string): string {
  const folder = dirname(program);
  return /[\\/]s?bin$/.test(folder) ? dirname(folder) : folder;
}

/** What a program that was asked turned out to be: a toolchain, a reason why not, or nothing new. */
export type Verdict = FoundToolchain | { why: string; program?: string } | undefined;

/** Asks each program in turn. The first that works is found; of the others each version once. */
export async function judgeAll(paths: readonly string[], packages: Packages, judge: (path: string) => Promise<Verdict>): Promise<Search> {
  const rejected: Rejected[] = [];
  const found: FoundToolchain[] = [];
  const verdicts = await Promise.all(paths.map(async (path) => ({ path, verdict: await judge(path) })));
  for (const { path, verdict } of verdicts) {
    if (verdict === undefined) continue;
    if ('why' in verdict) {
      const program = verdict.program ?? path;
      if (!rejected.some((one) => one.program === program)) rejected.push({ program, why: verdict.why });
    }
    else if (!found.some((one) => one.program === verdict.program && one.version === verdict.version)) found.push(verdict);
  }
  const [first, ...others] = found;
  return { ...(first && { found: first }), ...(others.length > 0 && { others }), rejected, packages };
}

/** Runs `path` and reads its answer; a program that fails is told with its last words. */
export async function ask<T>(machine: Machine, path: string, args: readonly string[], read: (result: CommandResult) => T | undefined, env?: NodeJS.ProcessEnv): Promise<T | { why: string }> {
  const result = await machine.run(path, args, env);
  if (result.code !== 0) return { why: `does not run (${result.stderr.trim().split('\n').pop() || `exit code ${result.code}`})` };
  try {
    return read(result) ?? { why: `answers what is not understood (${result.stdout.trim().slice(0, 80)})` };
  } catch {
    return { why: `answers what is not understood (${result.stdout.trim().slice(0, 80)})` };
  }
}
