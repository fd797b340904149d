import { expect, test } from 'vitest';
import { EntryReader, longestFrame, OutputReader } from '../../../../../src/agent/runtime/engine/stream-frames.ts';

const frame = (kind: number, text: string) => {
  const payload = Buffer.from(text);
  const head = Buffer.from([kind, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(payload.length, 4);
  return Buffer.concat([head, payload]);
};

test.each([1, 2, 3, 7, 8, 9, 13, 1000])('output cut anywhere is the same output (%i bytes at a time)', (size) => {
  const all = Buffer.concat([frame(1, 'out one\n'), frame(2, 'err\n'), frame(1, ''), frame(0, 'from input'), frame(1, 'out two')]);
  const text = { stdout: '', stderr: '' };
  const reader = new OutputReader((stream, part) => (text[stream] += part.toString()));
  for (let at = 0; at < all.length; at += size) reader.push(Buffer.from(all.subarray(at, at + size)));
  expect(text).toEqual({ stdout: 'out one\nfrom inputout two', stderr: 'err\n' });
});

test.each([1, 5, 11, 1000])('entries come whole (%i bytes at a time)', (size) => {
  const all = Buffer.concat([frame(1, 'first entry'), frame(2, 'second'), frame(1, 'third')]);
  const entries: string[] = [];
  const reader = new EntryReader((stream, entry) => entries.push(`${stream} ${entry.toString()}`));
  for (let at = 0; at < all.length; at += size) reader.push(Buffer.from(all.subarray(at, at + size)));
  expect(entries).toEqual(['stdout first entry', 'stderr second', 'stdout third']);
});

test('what is no frame is refused, and none can ask for any amount of memory', () => {
  const read = (bytes: Buffer) => () => new OutputReader(() => undefined).push(bytes);
  const long = frame(1, '');
  long.writeUInt32BE(longestFrame + 1, 4);
  expect(read(long)).toThrow(RangeError);
  expect(read(frame(3, 'x'))).toThrow(RangeError);
  expect(read(Buffer.from('HTTP/1.1 500'))).toThrow(RangeError);
  const entry = Buffer.concat([frame(1, ''), Buffer.alloc(0)]);
  entry.writeUInt32BE(2 << 20, 4);
  const reader = new EntryReader(() => undefined);
  reader.push(entry);
  expect(() => reader.push(Buffer.alloc(2 << 20))).toThrow(RangeError);
});
