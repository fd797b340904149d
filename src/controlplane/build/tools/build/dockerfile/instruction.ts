/** One instruction: flags, words, JSON forms (Dockerfile reference). Variables are replaced later, when their values are known. */
import type { Heredoc, Line } from './lines.ts';
import { DockerfileError } from './syntax-error.ts';
import { splitWords } from './words.ts';

export interface Flag {
  name: string;
  /** `true` for a flag without a value. */
  value: string;
}

export interface Instruction {
  line: number;
  keyword: string;
  flags: Flag[];
  /** What follows the flags, as written. */
  rest: string;
  /** The exec form: a JSON list of strings. */
  list: string[] | undefined;
  heredocs: Heredoc[];
  /** For people and history: keyword, flags and words on one line. */
  text: string;
}

/** Instructions and the flags they know. */
const known: Record<string, readonly string[]> = {
  ADD: ['from', 'chown', 'chmod', 'link', 'exclude', 'keep-git-dir', 'checksum', 'unpack', 'parents'], ARG: [], CMD: [], COPY: ['from', 'chown', 'chmod', 'link', 'exclude', 'parents'], ENTRYPOINT: [], ENV: [], EXPOSE: [],
  FROM: ['platform'], HEALTHCHECK: ['interval', 'timeout', 'start-period', 'start-interval', 'retries'], LABEL: [], MAINTAINER: [], ONBUILD: [], RUN: ['mount', 'network', 'security', 'device'], SHELL: [], STOPSIGNAL: [], USER: [], VOLUME: [], WORKDIR: [],
};
const repeatable = new Set(['mount', 'exclude']);
const mayBeEmpty = new Set(['CMD', 'ENTRYPOINT']);

export function parseInstruction({ number, keyword, rest, heredocs }: Line, escape: string): Instruction {
  const flagNames = known[keyword];
  if (!flagNames) throw new DockerfileError(`unknown instruction: ${keyword}`, number);
  const { flags, after } = readFlags(keyword, rest, flagNames, number, escape);
  if (after === '' && heredocs.length === 0 && !mayBeEmpty.has(keyword)) throw new DockerfileError(`${keyword} needs at least one argument`, number);
  return { line: number, keyword, flags, rest: after, list: jsonList(after), heredocs, text: [keyword, ...flags.map(({ name, value }) => (value === 'true' ? `--${name}` : `--${name}=${value}`)), after].filter(Boolean).join(' ') };
}

function readFlags(keyword: string, text: string, names: readonly string[], line: number, escape: string): { flags: Flag[]; after: string } {
  const flags: Flag[] = [];
  let after = text;
  // In ONBUILD they belong to the instruction that follows it.
  while (keyword !== 'ONBUILD' && after.startsWith('--')) {
    const word = splitWords(after, escape)[0] ?? '';
    after = after.slice(word.length).trimStart();
    if (word === '--') break;
    const [, name = '', value] = /^--([^=]+)(?:=([\s\S]*))?$/.exec(word) ?? [];
    if (!names.includes(name)) {
      if (keyword === 'CMD' || keyword === 'ENTRYPOINT') return { flags, after: text };
      throw new DockerfileError(`${keyword} knows no flag --${name}`, line);
    }
    if (flags.some((one) => one.name === name) && !repeatable.has(name)) throw new DockerfileError(`--${name} is given twice`, line);
    flags.push({ name, value: unquoted(value ?? 'true') });
  }
  return { flags, after };
}

function unquoted(value: string): string {
  const [, inside] = /^"([\s\S]*)"$/.exec(value) ?? /^'([\s\S]*)'$/.exec(value) ?? [];
  return inside ?? value;
}

export function flagOf({ flags }: Instruction, name: string): string | undefined {
  return flags.find((one) => one.name === name)?.value;
}

/** `--link`, `--link=true`. */
export function switchOf(instruction: Instruction, name: string): boolean {
  const value = flagOf(instruction, name);
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  throw new DockerfileError(`--${name} takes true or false, not "${value}"`, instruction.line);
}

function jsonList(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value = JSON.parse(text) as unknown;
    return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : undefined;
  } catch {
    // Text that begins with a bracket: the shell form.
    return undefined;
  }
}

/** `name=value` words, or the old form `name value`. Nothing is replaced. */
export function pairsOf({ rest, keyword, line }: Instruction, escape: string): { name: string; value: string }[] {
  const words = splitWords(rest, escape);
  const first = words[0] ?? '';
  if (!first.includes('=')) {
    if (words.length < 2) throw new DockerfileError(`${keyword} ${first} has no value; write ${keyword} ${first}=…`, line);
    return [{ name: first, value: rest.slice(first.length).trim() }];
  }
  return words.map((word) => {
    const at = word.indexOf('=');
    if (at <= 0) throw new DockerfileError(`${keyword}: "${word}" is not name=value`, line);
    return { name: word.slice(0, at), value: word.slice(at + 1) };
  });
}

/** Seconds, minutes … as Go writes durations, in nanoseconds. */
export function parseDuration(text: string, line: number): number {
  const units: Record<string, number> = { ns: 1, us: 1e3, 'µs': 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  if (text !== '0' && (parts.length === 0 || parts.map(([all]) => all).join('') !== text)) throw new DockerfileError(`"${text}" is not a duration such as 30s or 1m30s`, line);
  const total = Math.round(parts.reduce((sum, [, value = '0', unit = 's']) => sum + Number(value) * (units[unit] ?? 0), 0));
  if (total !== 0 && total < 1e6) throw new DockerfileError(`"${text}" is shorter than a millisecond`, line);
  return total;
}
