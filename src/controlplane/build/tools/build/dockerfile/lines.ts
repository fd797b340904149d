/**
 * Cuts a Dockerfile into instructions (Dockerfile reference, "Format", "Parser directives", "Here-documents"): directives, comments, continued lines, here-documents.
 * Own code, since the parsers there are serve editors: they lose the text between comments, and here-documents that a shell reads.
 */
import { DockerfileError } from './syntax-error.ts';

export interface Heredoc {
  name: string;
  /** Without the line of its end; tabs stripped for `<<-`. */
  content: string;
  /** Variables are replaced in it: its name was not quoted. */
  expand: boolean;
  /** As a shell reads it: every line, the end's included. */
  raw: string;
}

export interface Line {
  /** From 1. */
  number: number;
  /** Upper case. */
  keyword: string;
  /** Continued lines joined, comments gone, no blanks at both ends. */
  rest: string;
  heredocs: Heredoc[];
}

export interface ParsedLines {
  escape: '\\' | '`';
  syntax: string | undefined;
  lines: Line[];
}

const directive = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/;
/** Instructions whose words may be here-documents; `ONBUILD` for what follows it. */
const takesHeredocs = new Set(['ADD', 'COPY', 'RUN']);
const largest = 4 * 2 ** 20;

export function parseLines(text: string): ParsedLines {
  if (text.length > largest) throw new DockerfileError(`the file is larger than ${largest / 2 ** 20} MiB`);
  const physical = text.replace(/^\uFEFF/, '').split('\n').map((one) => one.replace(/\r$/, ''));
  const { directives, count } = readDirectives(physical);
  const escape = directives.get('escape') ?? '\\';
  if (escape !== '\\' && escape !== '`') throw new DockerfileError(`the escape directive takes \\ or \`, not "${escape}"`, 1);
  const continues = new RegExp(`(^|[^${escape === '\\' ? '\\\\' : '`'}])${escape === '\\' ? '\\\\' : '`'}[ \\t]*$`);
  const lines: Line[] = [];
  for (let at = count; at < physical.length; ) {
    const first = (physical[at] ?? '').trimStart();
    if (first === '' || first.startsWith('#')) {
      at++;
      continue;
    }
    const number = at + 1;
    let whole = '';
    let more = true;
    for (; more && at < physical.length; at++) {
      const line = physical[at] ?? '';
      // Comments and empty lines do not end what is continued.
      if (whole !== '' && /^\s*(#|$)/.test(line)) continue;
      const part = whole === '' ? line.trimStart() : line;
      more = continues.test(part);
      whole += more ? part.replace(continues, '$1') : part;
    }
    const [, keyword = '', rest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(whole.trim()) ?? [];
    const line: Line = { number, keyword: keyword.toUpperCase(), rest: rest.trim(), heredocs: [] };
    at = readHeredocs(line, physical, at, escape);
    lines.push(line);
  }
  return { escape, syntax: directives.get('syntax'), lines };
}

function readDirectives(physical: readonly string[]): { directives: Map<string, string>; count: number } {
  const directives = new Map<string, string>();
  let count = 0;
  for (; count < physical.length; count++) {
    const [, name, value] = directive.exec(physical[count] ?? '') ?? [];
    if (name === undefined || value === undefined) break;
    const key = name.toLowerCase();
    if (!['syntax', 'escape', 'check'].includes(key)) break;
    if (directives.has(key)) throw new DockerfileError(`only one ${key} parser directive can be used`, count + 1);
    directives.set(key, value);
  }
  return { directives, count };
}

function readHeredocs(line: Line, physical: readonly string[], at: number, escape: string): number {
  const keyword = line.keyword === 'ONBUILD' ? (/^\S+/.exec(line.rest)?.[0] ?? '').toUpperCase() : line.keyword;
  if (!takesHeredocs.has(keyword)) return at;
  for (const { name, quoted, strip } of heredocWords(line.rest, escape)) {
    const content: string[] = [];
    const raw: string[] = [];
    for (;; at++) {
      const text = physical[at];
      if (text === undefined) throw new DockerfileError(`the here-document ${name} has no end: a line with ${name} alone is missing`, line.number);
      raw.push(text);
      const shown = strip ? text.replace(/^\t+/, '') : text;
      if (shown === name) break;
      content.push(shown);
    }
    at++;
    line.heredocs.push({ name, content: content.map((one) => `${one}\n`).join(''), expand: !quoted, raw: raw.map((one) => `${one}\n`).join('') });
  }
  return at;
}

/** Words of the form `[n]<<[-]name`, outside quotes. */
function heredocWords(text: string, escape: string): { name: string; quoted: boolean; strip: boolean }[] {
  const found: { name: string; quoted: boolean; strip: boolean }[] = [];
  for (const word of shellWords(text, escape)) {
    const [, strip = '', name = ''] = /^\d*<<(-?)\s*([^<]+)$/.exec(word) ?? [];
    const plain = name.replace(/["']/g, '');
    if (plain !== '') found.push({ name: plain, quoted: plain !== name, strip: strip !== '' });
  }
  return found;
}

/** Words of a command, quotes and all, as far as here-documents need them: a quoted part or a substitution in parentheses belongs to its word. */
function shellWords(text: string, escape: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const one = text.charAt(at);
    if (quote !== '') {
      word += one;
      if (one === escape && quote === '"') word += text.charAt(++at);
      else if (one === quote) quote = '';
    } else if (one === escape) word += one + text.charAt(++at);
    else if (one === '"' || one === "'") {
      quote = one;
      word += one;
    } else if (/\s/.test(one) || (/^\d*<<-?[^<]/.test(word) && /[;&|()<>]/.test(one))) {
      // What a shell takes for the end of the name; elsewhere `<<` in the middle of a word is a shift.
      if (word !== '') words.push(word);
      word = '';
    } else word += one;
  }
  if (word !== '') words.push(word);
  return words;
}
