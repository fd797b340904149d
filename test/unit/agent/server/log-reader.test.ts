import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readLog, type LogOptions } from '../../../../src/agent/server/log-reader.ts';
import { tailOfLog } from '../../../../src/agent/server/log-tail.ts';
import { LogFile } from '../../../../src/agent/shim/log-file.ts';

let folder: string;
let log: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slipway-log-'));
  log = path.join(folder, '0.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const entry = (second: number, text: string, tag: 'F' | 'P' = 'F', stream = 'stdout') => `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000000Z ${stream} ${tag} ${text}\n`;
const never = new AbortController().signal;

async function read(options: Partial<LogOptions> = {}, ended: AbortSignal = never, signal: AbortSignal = never): Promise<string> {
  let text = '';
  for await (const chunk of readLog(log, { follow: false, timestamps: false, ...options }, ended, signal)) text += chunk.toString();
  return text;
}

describe('a log', () => {
  test('is read without its marks, parts joined', async () => {
    writeFileSync(log, entry(1, 'one') + entry(2, 'two and ', 'P') + entry(2, 'a half') + entry(3, '', 'F', 'stderr') + entry(4, 'end'));
    expect(await read()).toBe('one\ntwo and a half\n\nend\n');
    expect(await read({ timestamps: true })).toBe('2026-01-01T00:00:01.000000000Z one\n2026-01-01T00:00:02.000000000Z two and a half\n2026-01-01T00:00:03.000000000Z \n2026-01-01T00:00:04.000000000Z end\n');
  });

  test('is read over its rotated files, oldest first', async () => {
    writeFileSync(`${log}.2`, entry(1, 'one') + entry(2, 'two'));
    writeFileSync(`${log}.1`, entry(3, 'three'));
    writeFileSync(log, entry(4, 'four'));
    expect(await read()).toBe('one\ntwo\nthree\nfour\n');
    for (const [lines, expected] of [[0, ''], [1, 'four\n'], [2, 'three\nfour\n'], [3, 'two\nthree\nfour\n'], [9, 'one\ntwo\nthree\nfour\n']] as const) expect(await read({ tailLines: lines })).toBe(expected);
  });

  test('has its end found from the end, over block borders and parts', async () => {
    const lines = Array.from({ length: 5000 }, (_, index) => `${index} ${'x'.repeat(index % 97)}`);
    writeFileSync(log, lines.map((line, index) => (index % 10 === 0 ? entry(1, line.slice(0, 2), 'P') + entry(1, line.slice(2)) : entry(1, line))).join(''));
    for (const count of [1, 10, 999, 4999, 5000]) expect(await read({ tailLines: count })).toBe(`${lines.slice(-count).join('\n')}\n`);
  });

  test('is cut by time and size', async () => {
    writeFileSync(log, entry(1, 'one') + entry(2, 'two') + entry(3, 'three'));
    expect(await read({ since: Date.parse('2026-01-01T00:00:02Z') })).toBe('two\nthree\n');
    expect(await read({ limitBytes: 5 })).toBe('one\nt');
  });

  test('that was cut short by a crash gives what is whole', async () => {
    writeFileSync(log, `${entry(1, 'one')}2026-01-01T00:0`);
    expect(await read()).toBe('one\n');
    expect(await read({ tailLines: 1 })).toBe('one\n');
  });

  test('that does not exist is empty', async () => {
    expect(await read()).toBe('');
  });

  test('tells its last lines for a termination message', async () => {
    writeFileSync(log, Array.from({ length: 200 }, (_, index) => entry(1, `line ${index}`)).join(''));
    expect(await tailOfLog(log, 2, 2048)).toBe('line 198\nline 199\n');
    expect(await tailOfLog(log, 80, 9)).toBe('line 199\n');
  });
});

describe('following', () => {
  test('gives every line once, through rotations, until the container ends', async () => {
    const file = new LogFile(log, { limit: 2000 });
    const ended = new AbortController();
    const lines = Array.from({ length: 400 }, (_, index) => `line ${index}`);
    let text = '';
    let progress: () => void = () => undefined;
    const following = (async () => {
      for await (const chunk of readLog(log, { follow: true, timestamps: false }, ended.signal, never)) {
        text += chunk.toString();
        progress();
      }
    })();
    for (const [index, line] of lines.entries()) {
      file.write(Buffer.from(entry(1, line)));
      // A reader has as long as four rotations take: here it is waited for before that.
      if (index % 50 !== 49) continue;
      while (!text.endsWith(`${line}\n`)) await new Promise<void>((resolve) => (progress = resolve));
    }
    file.close();
    ended.abort();
    await following;
    expect(text.trimEnd().split('\n')).toEqual(lines);
  });

  test('starts with what tailLines asks for and joins a line that is still being written', async () => {
    writeFileSync(log, entry(1, 'one') + entry(2, 'two'));
    const ended = new AbortController();
    const chunks: string[] = [];
    const following = (async () => {
      for await (const chunk of readLog(log, { follow: true, timestamps: false, tailLines: 1 }, ended.signal, never)) {
        chunks.push(chunk.toString());
        if (chunks.length === 1) {
          const text = entry(3, 'three');
          appendFileSync(log, text.slice(0, 40));
          setImmediate(() => {
            appendFileSync(log, text.slice(40));
            ended.abort();
          });
        }
      }
    })();
    await following;
    expect(chunks.join('')).toBe('two\nthree\n');
  });

  test('waits for a log that is not there yet', async () => {
    const ended = new AbortController();
    const following = read({ follow: true }, ended.signal);
    writeFileSync(`${log}.new`, entry(1, 'late'));
    renameSync(`${log}.new`, log);
    ended.abort();
    expect(await following).toBe('late\n');
  });

  test('ends when the client goes', async () => {
    writeFileSync(log, entry(1, 'one'));
    const gone = new AbortController();
    const seen: string[] = [];
    for await (const chunk of readLog(log, { follow: true, timestamps: false }, never, gone.signal)) {
      seen.push(chunk.toString());
      gone.abort();
    }
    expect(seen).toEqual(['one\n']);
  });
});
