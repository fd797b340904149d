/** What the search for one language's toolchain gives, and the rules that all of them share. */
import { dirname } from 'node:path';
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
  found?: FoundToolchain;
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
