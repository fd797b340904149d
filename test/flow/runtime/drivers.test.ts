/** The contract of a runtime driver, held by each of them. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { startEngine, whyNoEngine, type TestEngine } from '../../support/engine/test-engine.ts';
import { startMachine, type Machine } from '../../support/sandbox/machine.ts';
import { contract } from './contract.ts';

const cases = [['sandbox', 'sandbox', undefined], ['process', 'process', undefined], ['engine of podman', 'engine', 'podman'], ['engine of docker', 'engine', 'docker']] as const;

/** Reasons for what a driver cannot do by its nature. */
const skips: Record<(typeof cases)[number][1], Record<string, string>> = {
  sandbox: {},
  process: {},
  engine: {},
};

describe.each(cases)('%s', (_title, driver, engineName) => {
  const absent = engineName && whyNoEngine(engineName);
  let engine: TestEngine | undefined;
  let machine: Machine | undefined;
  beforeAll(async () => {
    if (absent !== undefined) return;
    if (engineName) engine = await startEngine(engineName);
    machine = await startMachine(driver, engine?.socketPath);
    await machine.startAgent(1);
  });
  afterAll(async () => {
    if (absent !== undefined) return;
    await machine?.stop();
    await engine?.stop();
  });

  for (const { name, drivers, run } of contract) {
    if (drivers?.includes(driver) === false) continue;
    const reason = absent ?? skips[driver][name];
    test.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (${reason})`, () => run(machine!));
  }
});
