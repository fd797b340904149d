/** Places in files that a line of a log names: pure. */
import { plainLine } from './problem-matcher.ts';

export interface PlaceInLog {
  /** Where it stands in the line without its escape sequences. */
  start: number;
  end: number;
  path: string;
  line: number;
  column?: number;
}

/** A longer line is data, not a message. */
const longest = 2_000;
const name = String.raw`(?:file:\/\/)?(?:[\w@.+-]*\/)*[\w@+-][\w@.+-]*`;
const patterns: readonly RegExp[] = [
  new RegExp(String.raw`File "(?<path>[^"]+)", line (?<line>\d+)`, 'dg'),
  new RegExp(String.raw`(?<path>${name}) on line (?<line>\d+)`, 'dg'),
  new RegExp(String.raw`(?<path>${name}\.\w+):\[(?<line>\d+),(?<column>\d+)\]`, 'dg'),
  new RegExp(String.raw`(?<path>${name}\.\w+)\((?<line>\d+),(?<column>\d+)\)`, 'dg'),
  new RegExp(String.raw`(?<path>${name}\.\w+|(?:[\w@.+-]*\/)*(?:Docker|Container|Gem|Rake|Make)file):(?<line>\d+)(?::(?<column>\d+))?`, 'dg'),
];

export function placesIn(text: string): PlaceInLog[] {
  const line = plainLine(text);
  if (line.length > longest || !/[:([]\d|line \d/.test(line)) return [];
  const found: PlaceInLog[] = [];
  for (const pattern of patterns) {
    for (const match of line.matchAll(pattern)) {
      const { path = '', line: number = '', column } = match.groups ?? {};
      const start = match.indices?.groups?.path?.[0] ?? match.index;
      const end = match.index + match[0].length;
      if (found.some((one) => one.start < end && start < one.end)) continue;
      found.push({ start, end, path, line: Number(number), ...(column && { column: Number(column) }) });
    }
  }
  return found.sort((a, b) => a.start - b.start);
}
