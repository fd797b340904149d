import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeFrames, FrameReader } from '../../../../src/agent/shim/frame.ts';
import { LogFile } from '../../../../src/agent/shim/log-file.ts';
import { LineCutter, logClock, partLimit } from '../../../../src/agent/shim/log-line.ts';

describe('entries', () => {
  const cutter = () => new LineCutter('stdout', () => 'T');
  const cut = (one: LineCutter, ...chunks: (string | Buffer)[]) => chunks.map((chunk) => one.push(Buffer.from(chunk as string)).toString('latin1')).join('');

  test('lines are whole however they come', () => {
    const one = cutter();
    expect(cut(one, 'a', 'b\nc\n\nd', '')).toBe('T stdout F ab\nT stdout F c\nT stdout F \n');
    expect(one.end().toString()).toBe('T stdout F d\n');
    expect(one.end().length).toBe(0);
  });

  test('a long line comes in parts, the last one full', () => {
    const one = cutter();
    const text = 'x'.repeat(partLimit * 2 + 5);
    expect(cut(one, text, '\n')).toBe(`T stdout P ${'x'.repeat(partLimit)}\nT stdout P ${'x'.repeat(partLimit)}\nT stdout F xxxxx\n`);
  });

  test('exactly the limit is one line', () => {
    expect(cut(cutter(), `${'x'.repeat(partLimit)}\n`)).toBe(`T stdout F ${'x'.repeat(partLimit)}\n`);
  });

  test('bytes that are no text stay as they are', () => {
    const bytes = Buffer.from([0, 255, 254, 10]);
    expect(cut(cutter(), bytes)).toBe(`T stdout F ${bytes.toString('latin1')}`);
  });

  test('times have nine digits, and never repeat or go back', () => {
    const times = [1_000, 1_000, 900, 1_001];
    const stamp = logClock(() => times.shift()!);
    expect([stamp(), stamp(), stamp(), stamp()]).toEqual(['1970-01-01T00:00:01.000000000Z', '1970-01-01T00:00:01.000000001Z', '1970-01-01T00:00:01.000000002Z', '1970-01-01T00:00:01.001000000Z']);
  });
});

describe('file', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'log-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  test('is rotated by renaming, and keeps so many files', () => {
    const log = new LogFile(join(folder, 'sub', '0.log'), { limit: 4, files: 3 });
    for (const text of ['1111', '2222', '3333', '4444', '5']) log.write(Buffer.from(text));
    log.close();
    const at = (name: string) => readFileSync(join(folder, 'sub', name), 'utf8');
    expect(readdirSync(join(folder, 'sub')).sort()).toEqual(['0.log', '0.log.1', '0.log.2']);
    expect([at('0.log'), at('0.log.1'), at('0.log.2')]).toEqual(['5', '4444', '3333']);
  });

  test('goes on where an earlier one ended', () => {
    for (const text of ['one', 'two']) {
      const log = new LogFile(join(folder, '0.log'), { limit: 5 });
      log.write(Buffer.from(text));
      log.close();
    }
    expect(readFileSync(join(folder, '0.log.1'), 'utf8')).toBe('onetwo');
  });

  test('a disk without room loses bytes, not the application', () => {
    const log = new LogFile('/dev/full');
    log.write(Buffer.from('lost'));
    expect(log.lost).toBe(4);
    log.close();
  });
});

test('frames come back whole from any cut', () => {
  const sent: [number, string][] = [[1, 'one'], [2, ''], [0, 'x'.repeat(100_000)]];
  const bytes = Buffer.concat(sent.map(([channel, text]) => encodeFrames(channel, Buffer.from(text))));
  for (const size of [1, 7, 65_536, bytes.length]) {
    const got = new Map<number, string>();
    const reader = new FrameReader((channel, payload) => got.set(channel, (got.get(channel) ?? '') + payload.toString()));
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
    expect([...got]).toEqual(sent);
  }
  expect(() => new FrameReader(() => undefined).push(Buffer.from([0, 255, 255, 255, 255]))).toThrow(/limit/);
});
