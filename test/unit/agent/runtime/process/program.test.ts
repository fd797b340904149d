import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseUsage } from '../../../../../src/agent/runtime/process/process-tree.ts';
import { startable, toolsWord } from '../../../../../src/agent/runtime/process/program.ts';
import { placeToolsPrograms } from '../../../../../src/agent/runtime/process/tools-programs.ts';
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
  const places = { nodeBinary: '/usr/bin/node', program: '/product/tools.js', programs: '/node/tools' };
  expect(['/opt/slipway/bin/node', '/opt/slipway/bin/openshift-deploy', '/opt/slipway/tools.js', 'build', '/opt/slipway'].map((word) => toolsWord(word, places)))
    .toEqual(['/usr/bin/node', '/node/tools/openshift-deploy', '/product/tools.js', 'build', '/opt/slipway']);
});

test('a terminal is asked for in the words of the system', () => {
  expect(terminalCommand(['echo', 'a b'], false, 'linux')).toEqual(['script', '-qfec', "exec echo 'a b'", '/dev/null']);
  expect(terminalCommand(['echo', 'a b'], true, 'darwin')).toEqual(['script', '-q', '/dev/null', 'echo', 'a b']);
});

test.each([['  2048 0:01.50', { memory: 2_097_152, cpu: 1_500_000_000 }], ['10 1:02:03', { memory: 10_240, cpu: 3_723_000_000_000 }]])('a line %j of ps', (line, expected) => expect(parseUsage(line)).toEqual(expected));

test("the built-in image's other programs are files that lead to the product's", () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-tools-'));
  const places = { nodeBinary: process.execPath, program: "/pro'duct/tools.js" };
  for (let start = 0; start < 2; start += 1) placeToolsPrograms(folder, places, 'linux');
  expect(readdirSync(folder).sort()).toEqual(['node', 'openshift-deploy']);
  expect(execFileSync(join(folder, 'node'), ['-p', '1 + 1'], { encoding: 'utf8' })).toBe('2\n');
  expect(readFileSync(join(folder, 'openshift-deploy'), 'utf8')).toBe(`#!/bin/sh\nexec ${process.execPath} '/pro'\\''duct/tools.js' deploy "$@"\n`);
  placeToolsPrograms(folder, { nodeBinary: 'C:\\node.exe', program: 'C:\\tools.js' }, 'win32');
  expect(readFileSync(join(folder, 'openshift-deploy.cmd'), 'utf8')).toBe('@"C:\\node.exe" "C:\\tools.js" deploy %*\r\n');
  rmSync(folder, { recursive: true });
});
