/** HAProxy as data plane answers the table that every router answers. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll } from 'vitest';
import { systemClock } from '../../../../../src/base/clock.ts';
import { silentLog } from '../../../../../src/base/log.ts';
import { findHaproxy } from '../../../../../src/detect/haproxy.ts';
import { routerSupervisor } from '../../../../../src/controlplane/route/data-plane/supervisor.ts';
import { defaultCertificate } from '../../../../support/router.ts';
import type { RouterUnderTest } from '../../../../support/routing/contract.ts';
import { testCases } from '../../../../support/routing/table.ts';

const found = await findHaproxy();
if (!('found' in found)) throw new Error(`${found.why}: ${found.fix}`);
const { program } = found.found;
const bundles = mkdtempSync(path.join(tmpdir(), 'slipway-haproxy-'));
const worker = path.join(bundles, 'haproxy-router.js');

beforeAll(() => build({ entryPoints: ['src/controlplane/route/haproxy/main.ts'], bundle: true, platform: 'node', format: 'cjs', outfile: worker, logLevel: 'error' }));
afterAll(() => rmSync(bundles, { recursive: true, force: true }));

testCases('haproxy', async (): Promise<RouterUnderTest> => {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-haproxy-'));
  const router = routerSupervisor({
    spawnInside: ([command = '', ...args], options) => {
      const child = spawn(command, args, options);
      return { child, kill: () => void child.kill('SIGKILL') };
    },
    command: [process.execPath, worker, program, path.join(folder, 'router')],
    defaultCertificate: await defaultCertificate(), clock: systemClock, log: silentLog,
  });
  const started = await router.start();
  return {
    ports: started,
    apply: (table) => router.apply(table),
    metrics: () => router.metrics(),
    routeMetrics: () => router.routeMetrics(),
    async dispose() {
      await router.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
