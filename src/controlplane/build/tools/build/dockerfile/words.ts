/** Words of instructions and the variables in them (Dockerfile reference, "Environment replacement"; the shell's rules as far as builders know them). */
import { DockerfileError } from './syntax-error.ts';

export type Lookup = (name: string) => string | undefined;

export interface WordRules {
  escape: string;
  /** Undefined for a variable that is not set. */
  lookup: Lookup;
  /** Told each variable that was asked for and is not set. */
  missing?(name: string): void;
}

/** One word: quotes gone, variables replaced. */
export function expandWord(text: string, rules: WordRules): string {
  return new Expander(text, rules).all().join(' ');
}

/** The words that come out: what an unquoted variable stands for may be several. */
export function expandWords(text: string, rules: WordRules): string[] {
  return new Expander(text, rules, true).all();
}

/** Variables replaced, quotes kept: for the content of here-documents. */
export function expandText(text: string, rules: WordRules): string {
  return new Expander(text, rules, false, true).all().join(' ');
}

/** Words as written, separated by blanks outside quotes; nothing is replaced. */
export function splitWords(text: string, escape: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const one = text.charAt(at);
    if (quote === '' && /\s/.test(one)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    word = (word ?? '') + one;
    if (one === escape && quote !== "'" && at + 1 < text.length) word += text.charAt(++at);
    else if (quote === '' && (one === '"' || one === "'")) quote = one;
    else if (one === quote) quote = '';
  }
  if (word !== undefined) words.push(word);
  return words;
}

const name = /^[A-Za-z_][A-Za-z0-9_]*/;
const special = /^[@*#?$!0-9-]/;

class Expander {
  readonly #text: string;
  readonly #rules: WordRules;
  readonly #split: boolean;
  readonly #raw: boolean;
  #at = 0;
  #words: string[] = [];
  #word = '';
  #begun = false;

  constructor(text: string, rules: WordRules, split = false, raw = false) {
    this.#text = text;
    this.#rules = rules;
    this.#split = split;
    this.#raw = raw;
  }

  all(): string[] {
    while (this.#at < this.#text.length) this.#next();
    if (this.#begun || this.#word !== '') this.#words.push(this.#word);
    return this.#words.length === 0 && !this.#split ? [''] : this.#words;
  }

  #next(): void {
    const one = this.#text.charAt(this.#at);
    if (this.#raw) {
      if (one === '$') this.#add(this.#dollar());
      else if (one === this.#rules.escape && ['$', this.#rules.escape].includes(this.#text.charAt(this.#at + 1))) {
        this.#add(this.#text.charAt(this.#at + 1));
        this.#at += 2;
      } else this.#take();
    } else if (one === "'") this.#single();
    else if (one === '"') this.#double();
    else if (one === '$') this.#addSplit(this.#dollar());
    else if (this.#split && /\s/.test(one)) {
      this.#end();
      this.#at++;
    } else if (one === this.#rules.escape) {
      this.#at++;
      if (this.#at < this.#text.length) this.#take();
    } else this.#take();
  }

  #take(): void {
    this.#add(this.#text.charAt(this.#at++));
  }

  #add(text: string): void {
    this.#begun = true;
    this.#word += text;
  }

  #end(): void {
    if (this.#begun) this.#words.push(this.#word);
    this.#begun = false;
    this.#word = '';
  }

  #addSplit(value: string): void {
    if (!this.#split) return this.#add(value);
    for (const [index, part] of value.split(/\s+/).entries()) {
      if (index > 0) this.#end();
      if (part !== '') this.#add(part);
    }
  }

  #single(): void {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end < 0) throw new DockerfileError(`a single quote is not closed in: ${this.#text}`);
    this.#add(this.#text.slice(this.#at + 1, end));
    this.#at = end + 1;
  }

  #double(): void {
    const { escape } = this.#rules;
    this.#at++;
    this.#add('');
    for (;;) {
      const one = this.#text.charAt(this.#at);
      if (one === '') throw new DockerfileError(`a double quote is not closed in: ${this.#text}`);
      if (one === '"') break;
      if (one === '$') this.#add(this.#dollar());
      else if (one === escape && ['"', '$', escape].includes(this.#text.charAt(this.#at + 1))) {
        this.#add(this.#text.charAt(this.#at + 1));
        this.#at += 2;
      } else this.#take();
    }
    this.#at++;
  }

  /** At a `$`. */
  #dollar(): string {
    const rest = this.#text.slice(this.#at + 1);
    if (!rest.startsWith('{')) {
      const found = name.exec(rest)?.[0] ?? special.exec(rest)?.[0];
      this.#at += 1 + (found?.length ?? 0);
      return found === undefined ? '$' : this.#value(found) ?? '';
    }
    const end = closing(rest);
    if (end < 0) throw new DockerfileError(`"\${" has no closing brace in: ${this.#text}`);
    this.#at += end + 2;
    return this.#braces(rest.slice(1, end));
  }

  #braces(inside: string): string {
    const variable = name.exec(inside)?.[0] ?? special.exec(inside)?.[0];
    if (variable === undefined) throw new DockerfileError(`"\${${inside}}" is no variable`);
    const rest = inside.slice(variable.length);
    const value = this.#value(variable, rest !== '');
    if (rest === '') return value ?? '';
    const [, colon = '', operator = '', word = ''] = /^(:?)([-+?])([\s\S]*)$/.exec(rest) ?? [];
    const set = value !== undefined && (colon === '' || value !== '');
    const other = () => expandWord(word, this.#rules);
    if (operator === '-') return set ? value : other();
    if (operator === '+') return set ? other() : '';
    if (operator === '?') {
      if (!set) throw new DockerfileError(`${variable}: ${other() || 'is not set'}`);
      return value;
    }
    const [, cut = '', pattern = ''] = /^(##?|%%?)([\s\S]*)$/.exec(rest) ?? [];
    if (cut !== '') return trimmed(value ?? '', cut, expandWord(pattern, this.#rules));
    const [, all = '', from = '', to = ''] = /^\/(\/?)((?:\\.|[^/\\])*)\/?([\s\S]*)$/.exec(rest) ?? [];
    if (rest.startsWith('/')) return (value ?? '').replace(new RegExp(globSource(expandPattern(from, this.#rules), true), all === '' ? 's' : 'gs'), () => expandWord(to, this.#rules));
    throw new DockerfileError(`"\${${inside}}": this modifier is not known`);
  }

  #value(variable: string, quiet = false): string | undefined {
    const value = this.#rules.lookup(variable);
    if (value === undefined && !quiet) this.#rules.missing?.(variable);
    return value;
  }
}

/** `\/` stays a slash, everything else is a word. */
function expandPattern(text: string, rules: WordRules): string {
  return expandWord(text.replaceAll('\\/', '/'), rules);
}

/** Index of the brace that closes the one at the start. */
function closing(text: string): number {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const one = text.charAt(at);
    if (one === '\\') at++;
    else if (one === '{' && (at === 0 || text.charAt(at - 1) === '$')) depth++;
    else if (one === '}' && --depth === 0) return at;
  }
  return -1;
}

function trimmed(value: string, cut: string, pattern: string): string {
  const front = cut.startsWith('#');
  const longest = cut.length === 2;
  const source = globSource(pattern, longest);
  if (front) return value.replace(new RegExp(`^(?:${source})`, 's'), '');
  // The shortest end is the one that begins last.
  for (let step = 0; step <= value.length; step++) {
    const at = longest ? step : value.length - step;
    if (new RegExp(`^(?:${source})$`, 's').test(value.slice(at))) return value.slice(0, at);
  }
  return value;
}

/** `*` and `?` as the shell has them. */
function globSource(pattern: string, greedy: boolean): string {
  return [...pattern].map((one) => (one === '*' ? (greedy ? '.*' : '.*?') : one === '?' ? '.' : one.replace(/[.+^${}()|[\]\\/-]/g, '\\$&'))).join('');
}
