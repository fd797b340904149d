import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import type { Pod } from '../../../../src/api/kinds/core.ts';
import { mirrorAnnotation } from '../../../../src/api/pod.ts';
import { systemClock } from '../../../../src/base/clock.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { mirrorPods } from '../../../../src/controlplane/pod/mirror-pods.ts';

test("a user's pod that calls itself a part of the platform does not show that part's log", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mirror-'));
  writeFileSync(join(folder, 'router.log'), 'of the platform\n');
  const mirrors = mirrorPods(systemClock, silentLog, () => undefined);
  mirrors.publish({ name: 'router-1', labels: {}, image: 'slipway/router', ports: [], ip: '127.0.0.1', nodeName: 'node-1', logFile: join(folder, 'router.log') });
  const log = (namespace: string) => {
    const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'router-1', namespace, annotations: { [mirrorAnnotation]: 'router-1' } }, spec: { containers: [] } };
    return mirrors.log(pod, new URLSearchParams(), new AbortController().signal);
  };
  expect(await text(log('default'))).toBe('of the platform\n');
  expect(() => log('mine')).toThrow('not found');
  await mirrors.dispose();
  rmSync(folder, { recursive: true });
});
