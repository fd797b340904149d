/** Problems in the log of a build, as the programs of builders print them: pure. */
import { shapes, type Lines } from './problem-shapes.ts';
import type { Problem } from './problem.ts';

/** More than these help nobody. */
const most = 100;
const escapes = /\u001b(?:\[[0-9;:?]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
/** What tools put before a line: `npm ERR! `, `[4/7] `, `#8 1.234 `, a box of pip's. */
const leaders = /^(?:npm (?:ERR!|error) |#\d+ \d+\.\d+ |\[\d+\/\d+\] |\s*[│|] )/;

export function plainLine(text: string): string {
  return text.replace(escapes, '').replace(/\r$/, '');
}

export function matchProblems(log: readonly string[]): Problem[] {
  const raw = log.map(plainLine);
  const lines: Lines = { raw, text: raw.map((line) => line.replace(leaders, '')) };
  const found = new Map<string, Problem>();
  for (let at = 0; at < raw.length && found.size < most; at++) {
    for (const shape of shapes) {
      const problem = shape(lines, at);
      if (!problem) continue;
      const key = [problem.file, problem.line, problem.column ?? '', problem.needle ?? '', problem.message].join('\n');
      if (!found.has(key)) found.set(key, problem);
      break;
    }
  }
  return [...found.values()];
}
