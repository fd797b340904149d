/** Terminal colours in log lines (ECMA-48 SGR), as spans styled by the editor's own terminal colours. Other escape sequences are dropped. */
export interface Span {
  text: string;
  /** Classes `fg-<n>`, `bg-<n>`, `bold`, `dim`, `italic`, `underline`; empty for plain text. */
  style: string;
}

interface Style {
  fg: number | undefined;
  bg: number | undefined;
  marks: Set<string>;
}

const marks: Record<number, string> = { 1: 'bold', 2: 'dim', 3: 'italic', 4: 'underline' };
const unmarks: Record<number, string[]> = { 22: ['bold', 'dim'], 23: ['italic'], 24: ['underline'] };
const sequences = /\u001b(?:\[([0-9;:?]*)([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

export function parseAnsi(line: string): Span[] {
  if (!line.includes('\u001b')) return line ? [{ text: line, style: '' }] : [];
  const spans: Span[] = [];
  const style: Style = { fg: undefined, bg: undefined, marks: new Set() };
  let end = 0;
  for (const match of line.matchAll(sequences)) {
    push(spans, line.slice(end, match.index), style);
    end = match.index + match[0].length;
    if (match[2] === 'm') apply(style, (match[1] || '0').split(/[;:]/).map(Number));
  }
  push(spans, line.slice(end), style);
  return spans;
}

/** The text alone, for searching. */
export function withoutAnsi(line: string): string {
  return line.replace(sequences, '');
}

function push(spans: Span[], text: string, style: Style): void {
  if (!text) return;
  const classes = [style.fg !== undefined && `fg-${style.fg}`, style.bg !== undefined && `bg-${style.bg}`, ...style.marks].filter(Boolean);
  spans.push({ text, style: classes.join(' ') });
}

function apply(style: Style, codes: number[]): void {
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0;
    if (code === 0) {
      style.fg = style.bg = undefined;
      style.marks.clear();
    } else if (marks[code]) style.marks.add(marks[code]);
    else if (unmarks[code]) for (const mark of unmarks[code]) style.marks.delete(mark);
    else if (code >= 30 && code <= 37) style.fg = code - 30;
    else if (code === 39) style.fg = undefined;
    else if (code >= 40 && code <= 47) style.bg = code - 40;
    else if (code === 49) style.bg = undefined;
    else if (code >= 90 && code <= 97) style.fg = code - 82;
    else if (code >= 100 && code <= 107) style.bg = code - 92;
    else if (code === 38 || code === 48) {
      // 256 and true colours: the sixteen that themes define are kept, the rest would not fit every theme.
      const indexed = codes[index + 1] === 5;
      const colour = indexed ? (codes[index + 2] ?? 0) : undefined;
      style[code === 38 ? 'fg' : 'bg'] = colour !== undefined && colour < 16 ? colour : undefined;
      index += indexed ? 2 : 4;
    }
  }
}
