/** The contract of a runtime driver, held by each of them. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { noPodman, startPodman, type Podman } from '../../support/engine/podman.ts';
import { startMachine, type Machine } from '../../support/sandbox/machine.ts';
import { contract } from './contract.ts';

const drivers = ['sandbox', 'process', 'engine'] as const;

/** Reasons for what a driver cannot do by its nature. */
const skips: Record<(typeof drivers)[number], Record<string, string>> = {
  sandbox: {},
  process: {},
  engine: {},
};
const missing = noPodman();

describe.each(drivers)('%s', (driver) => {
  const absent = driver === 'engine' ? missing : undefined;
  let podman: Podman | undefined;
  let machine: Machine;
  beforeAll(async () => {
    if (absent !== undefined) return;
    if (driver === 'engine') podman = await startPodman();
    machine = await startMachine(driver, podman?.socketPath);
    await machine.startAgent(1);
  });
  afterAll(async () => {
    if (absent !== undefined) return;
    await machine.stop();
    await podman?.stop();
  });

  for (const { name, run } of contract) {
    const reason = absent ?? skips[driver][name];
    test.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (${reason})`, () => run(machine));
  }
});
