/** What a pod is given, by every driver that needs nothing but this machine; container engines answer the same table in engine.test.ts. */
import { afterAll, beforeAll, describe } from 'vitest';
import { testDriver } from '../support/drivers/table.ts';
import { Platform } from '../support/platform/platform.ts';

describe.each(['sandbox', 'process'] as const)('--runtime %s', (runtime) => {
  const platform = new Platform();
  beforeAll(() => platform.up(['--runtime', runtime]));
  afterAll(() => platform.dispose());
  testDriver(runtime, () => platform);
});
