/** The contract of a runtime driver, held by each of them. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { startMachine, type Machine } from '../../support/sandbox/machine.ts';
import { contract } from './contract.ts';

/** Reasons for what a driver cannot do by its nature. */
const skips: Record<'sandbox' | 'process', Record<string, string>> = {
  sandbox: {},
  process: {},
};

describe.each(['sandbox', 'process'] as const)('%s', (driver) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await startMachine(driver);
    await machine.startAgent(1);
  });
  afterAll(() => machine.stop());

  for (const { name, run } of contract) {
    const reason = skips[driver][name];
    test.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (${reason})`, () => run(machine));
  }
});
