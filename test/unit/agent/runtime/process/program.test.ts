import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseUsage } from '../../../../../src/agent/runtime/process/process-tree.ts';
import { startable, toolsWord } from '../../../../../src/agent/runtime/process/program.ts';
import { terminalCommand } from '../../../../../src/agent/runtime/process/terminal.ts';

describe('scripts on Windows', () => {
  let folder: string;
  const script = (first: string) => {
    const file = join(folder, 'script');
    writeFileSync(file, `${first}\necho\n`);
    return file;
  };
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'slipway-program-'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([['#!/bin/sh', ['sh']], ['#!/usr/bin/env node', ['node']], ['#!/usr/bin/env -S node --no-warnings', ['node', '--no-warnings']], ['#!/bin/bash -e', ['bash', '-e']], ['MZ', []]])('%s starts %j', (first, interpreter) => {
    const file = script(first);
    expect(startable([file, 'arg'], 'win32')).toEqual([...interpreter, file, 'arg']);
    expect(startable([file, 'arg'], 'linux')).toEqual([file, 'arg']);
  });
  test('a program that is no file is looked up by the system', () => expect(startable(['node', 'x.js'], 'win32')).toEqual(['node', 'x.js']));
});

test("the built-in image's words mean the product's own files", () => {
  const places = { nodeBinary: '/usr/bin/node', program: '/product/tools.js' };
  expect(['/opt/slipway/bin/node', '/opt/slipway/tools.js', 'build', '/opt/slipway'].map((word) => toolsWord(word, places))).toEqual(['/usr/bin/node', '/product/tools.js', 'build', '/opt/slipway']);
});

test('a terminal is asked for in the words of the system', () => {
  expect(terminalCommand(['echo', 'a b'], false, 'linux')).toEqual(['script', '-qfec', "exec echo 'a b'", '/dev/null']);
  expect(terminalCommand(['echo', 'a b'], true, 'darwin')).toEqual(['script', '-q', '/dev/null', 'echo', 'a b']);
});

test.each([['  2048 0:01.50', { memory: 2_097_152, cpu: 1_500_000_000 }], ['10 1:02:03', { memory: 10_240, cpu: 3_723_000_000_000 }]])('a line %j of ps', (line, expected) => expect(parseUsage(line)).toEqual(expected));
