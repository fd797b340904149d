/**
 * `.dockerignore` (Dockerfile reference, ".dockerignore file"): patterns of Go's filepath.Match from the context's root, `**` for any number of folders,
 * `!` for exceptions, the last that matches decides; a pattern that matches a folder matches what is in it.
 */
import { lstat, readdir, readFile, rm } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { fileInside } from '../source/inside.ts';
import { DockerfileError } from './syntax-error.ts';

export interface IgnoreRules {
  /** Whether the path (relative, with slashes) is left out. */
  ignores(path: string): boolean;
  /** Whether something below an ignored folder may be kept. */
  mayKeepBelow(folder: string): boolean;
  readonly size: number;
}

interface Rule {
  keep: boolean;
  pattern: RegExp;
  text: string;
}

export function parseIgnore(lines: readonly string[]): IgnoreRules {
  const rules: Rule[] = [];
  for (const line of lines) {
    if (line.startsWith('#')) continue;
    let text = line.trim();
    if (text === '') continue;
    const keep = text.startsWith('!');
    if (keep) text = text.slice(1).trim();
    text = posix.normalize(text).replace(/^\/+/, '').replace(/\/+$/, '');
    if (text === '' || text === '.') {
      if (text === '' && keep) throw new DockerfileError('an exclusion pattern (!) of .dockerignore is empty');
      if (!keep && text === '') continue;
      text = '**';
    }
    rules.push({ keep, text, pattern: patternOf(text) });
  }
  const matches = (rule: Rule, path: string) => {
    for (let at = path; at !== ''; at = at.includes('/') ? at.slice(0, at.lastIndexOf('/')) : '') if (rule.pattern.test(at)) return true;
    return false;
  };
  return {
    size: rules.length,
    ignores(path) {
      let ignored = false;
      for (const rule of rules) if (rule.keep === ignored && matches(rule, path)) ignored = !rule.keep;
      return ignored;
    },
    mayKeepBelow: (folder) =>
      rules.some(({ keep, text }) => keep && (/[*?[\\]/.test(text) || text.startsWith(`${folder}/`) || folder.startsWith(`${text}/`) || text === folder)),
  };
}

/** As moby/patternmatcher reads a pattern: `**` crosses folders, `*` and `?` do not. */
export function patternOf(pattern: string): RegExp {
  let source = '^';
  for (let at = 0; at < pattern.length; at++) {
    const one = pattern.charAt(at);
    if (one === '*' && pattern.charAt(at + 1) === '*') {
      at++;
      if (pattern.charAt(at + 1) === '/') at++;
      // `**` at the end takes everything; before a slash also nothing.
      source += at + 1 >= pattern.length ? '.*' : '(?:.*/)?';
    } else if (one === '*') source += '[^/]*';
    else if (one === '?') source += '[^/]';
    else if (one === '[') {
      const end = pattern.indexOf(']', at + 2);
      if (end < 0) throw new DockerfileError(`"${pattern}" is no pattern: a bracket is not closed`);
      const inside = pattern.slice(at + 1, end);
      source += `[${inside.startsWith('^') ? '^' : ''}${inside.replace(/^\^/, '').replace(/[\\\]^[]/g, '\\$&')}]`;
      at = end;
    } else if (one === '\\') {
      at++;
      if (at >= pattern.length) throw new DockerfileError(`"${pattern}" is no pattern: it ends with a backslash`);
      source += quoted(pattern.charAt(at));
    } else source += quoted(one);
  }
  try {
    return new RegExp(`${source}$`, 'su');
  } catch {
    throw new DockerfileError(`"${pattern}" is no pattern`);
  }
}

function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

/** The rules of `<Dockerfile>.dockerignore` if there is one, else of `.dockerignore`. */
export async function readIgnoreFile(context: string, dockerfile: string | undefined): Promise<IgnoreRules | undefined> {
  for (const name of [...(dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`]), '.dockerignore']) {
    const file = await fileInside(context, name);
    if (file !== undefined) return parseIgnore((await readFile(file, 'utf8')).replace(/^\uFEFF/, '').split(/\r?\n/));
  }
  return undefined;
}

/** Deletes from the context, which is the build's own copy, what the rules name; answers with how many files and folders went. */
export async function applyIgnoreRules(context: string, rules: IgnoreRules): Promise<number> {
  let removed = 0;
  /** Answers whether something in the folder stays. */
  const visit = async (folder: string, inside: boolean): Promise<boolean> => {
    let stays = false;
    for (const name of await readdir(join(context, folder))) {
      const path = folder === '' ? name : `${folder}/${name}`;
      const full = join(context, path);
      const isFolder = (await lstat(full)).isDirectory();
      const ignored = rules.ignores(path);
      if (!ignored) {
        stays = true;
        if (isFolder) await visit(path, false);
      } else if (isFolder && rules.mayKeepBelow(path) && (await visit(path, true))) stays = true;
      else {
        await rm(full, { recursive: true, force: true });
        if (!inside || !isFolder) removed++;
      }
    }
    return stays;
  };
  await visit('', false);
  return removed;
}
