import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildMachine, tarOf, type BuildMachine } from '../../support/build/build-machine.ts';
import { startPackageIndex, type PackageIndex } from '../../support/build/package-index.ts';

const apps = 'test/fixtures/apps';

describe('Source-to-Image', () => {
  let machine: BuildMachine;
  let index: PackageIndex;
  let nodejs: string;

  beforeAll(async () => {
    machine = await buildMachine();
    index = await startPackageIndex(['node_modules/ms']);
    nodejs = await machine.publish('nodejs');
  });
  afterAll(async () => {
    await index.close();
    await machine.close();
  });

  const source = (env: Record<string, string> = {}) => ({ strategy: { sourceStrategy: { from: { kind: 'DockerImage', name: nodejs }, env: Object.entries({ NPM_MIRROR: index.npm, ...env }).map(([name, value]) => ({ name, value })) } } });

  test('builds the Node sample from its lock file, as an unprivileged user', async () => {
    const done = await machine.build({ name: 'hello-1', builder: nodejs, input: await tarOf(`${apps}/node-hello`), spec: source() });
    expect(done.log).toContain('npm ci');
    expect(done).toMatchObject({ code: 0 });
    console.log(done.log, done.milliseconds, done.steps, done.termination);
    const { config, digest, manifest } = await machine.image('demo/app');
    expect(done.termination).toMatchObject({ imageDigest: digest });
    expect(manifest.layers).toHaveLength(2);
    expect(config.config).toMatchObject({ Cmd: ['/opt/s2i/run'], User: '1001', WorkingDir: '/opt/app-root/src' });
    const layer = await machine.topLayer('demo/app');
    console.log([...layer.keys()]);
  });
});
