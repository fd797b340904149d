/** DEV_MODE's way to start an application again inside its container: a hang-up to the run script. */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

describe.skipIf(process.platform === 'win32')('a supervised application', () => {
  let folder: string;
  let run: ChildProcess;
  let said = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'slipway-supervise-'));
    copyFileSync('src/controlplane/catalog/builders/common.sh', path.join(folder, 'common.sh'));
    writeFileSync(path.join(folder, 'run'), '#!/bin/sh\n. "${0%/*}/common.sh"\n[ -n "$SUPERVISED" ] || supervise "$0"\n[ ! -f "${0%/*}/broken" ] || exit 3\necho begun\nexec sleep 1000\n');
    chmodSync(path.join(folder, 'run'), 0o755);
    said = '';
    run = spawn(path.join(folder, 'run'), { env: { PATH: process.env.PATH, TMPDIR: folder }, stdio: ['ignore', 'pipe', 'pipe'] });
    run.stdout?.on('data', (bytes: Buffer) => (said += bytes.toString()));
    run.stderr?.on('data', (bytes: Buffer) => (said += bytes.toString()));
  });
  afterEach(async () => {
    const ended = new Promise((resolve) => (run.exitCode === null && run.signalCode === null ? run.once('exit', resolve) : resolve(undefined)));
    run.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  const until = (probe: () => unknown) => expect.poll(probe, { timeout: 10_000, interval: 20 });
  const begun = () => said.split('begun').length - 1;

  test('begins again at each hang-up, and waits for one after it ended by itself', async () => {
    await until(begun).toBe(1);
    const file = path.join(folder, '.slipway-dev.pid');
    expect(existsSync(file) && Number(readFileSync(file, 'utf8'))).toBe(run.pid);
    run.kill('SIGHUP');
    await until(begun).toBe(2);
    writeFileSync(path.join(folder, 'broken'), '');
    run.kill('SIGHUP');
    await until(() => said).toContain('the application ended with 3');
    expect(run.exitCode).toBeNull();
    rmSync(path.join(folder, 'broken'));
    run.kill('SIGHUP');
    await until(begun).toBe(3);
  });

  test('goes with its supervisor', async () => {
    await until(begun).toBe(1);
    run.kill('SIGTERM');
    const code = await new Promise((resolve) => run.once('exit', resolve));
    expect(code).toBe(143);
  });
});
