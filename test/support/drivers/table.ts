/** The table as tests: one test a case. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Connection } from '../../../src/client/connection.ts';
import type { Platform } from '../platform/platform.ts';
import { manifestOf } from '../platform/web-pod.ts';
import { driverBed, type DriverBed } from './bed.ts';
import { files } from './cases/files.ts';
import { life } from './cases/life.ts';
import { probes } from './cases/probes.ts';
import { rollouts } from './cases/rollouts.ts';
import { streams } from './cases/streams.ts';
import { surroundings } from './cases/surroundings.ts';
import type { DriverCase, DriverName } from './contract.ts';

/** Those of an area that is not in turn look at pods of their own. */
const areas: Record<string, { cases: DriverCase[]; inTurn?: true }> = {
  'life of a pod': { cases: life }, probes: { cases: probes }, surroundings: { cases: surroundings }, files: { cases: files }, streams: { cases: streams, inTurn: true }, rollouts: { cases: rollouts, inTurn: true },
};

/** `platform`: runs with the driver when the tests begin. */
export function testDriver(driver: DriverName, platform: () => Platform): void {
  describe('what a pod is given', () => {
    let bed: DriverBed;
    let connection: Connection;
    let manifest: string;
    beforeAll(async () => {
      connection = await platform().connection();
      bed = driverBed(driver, platform(), connection);
      const objects = Object.values(areas).flatMap(({ cases }) => cases).filter(({ skips }) => skips?.[driver] === undefined).flatMap((one) => one.objects?.(bed) ?? []);
      manifest = manifestOf(...objects);
      const { code, stderr } = await platform().kubectl(['apply', '-f', '-'], { input: manifest });
      expect(code, stderr).toBe(0);
    });
    afterAll(async () => {
      await connection?.dispose();
      await platform().kubectl(['delete', '-f', '-', '--wait=false', '--ignore-not-found'], { input: manifest });
    });
    for (const [area, { cases, inTurn }] of Object.entries(areas)) {
      describe(area, () => {
        for (const { name, run, skips } of cases) {
          const reason = skips?.[driver];
          test.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (${driver}: ${reason})`, { concurrent: !inTurn }, () => run(bed));
        }
      });
    }
  });
}
