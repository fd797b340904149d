/**
 * `slipway new-app` on the Node sample with its one dependency from a registry on this machine, from the command to the first answer of the URL, deployer pod included;
 * and a rebuild of changed sources, from their upload to the first answer of the new version. `node test/bench/source-to-url.ts [times, default 3]`
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startBinaryBuild } from '../../src/client/apps/create-app.ts';
import { archiveSource, listSource } from '../../src/client/apps/source-archive.ts';
import { startPackageIndex } from '../support/build/package-index.ts';
import { fetchRoute } from '../support/platform/platform.ts';
import { withPlatform, type MeasuredPlatform } from './platform.ts';
import { median, printTable, type Row } from './table.ts';

export async function benchSourceToUrl(platform: MeasuredPlatform, times = 3): Promise<Row[]> {
  const index = await startPackageIndex(['node_modules/ms'], { host: '127.0.0.1' });
  const { client, dispose } = await platform.connection();
  try {
    const source = path.join(platform.user.home, 'bench-source');
    cpSync('test/fixtures/apps/node-hello', source, { recursive: true });
    platform.user.own(source);
    const mirror = index.npm.replace('127.0.0.1', 'host.slipway.internal');
    const create = async (name: string) => {
      const began = performance.now();
      const { code, stdout, stderr } = await platform.run(['new-app', source, '--name', name, '--env', `NPM_MIRROR=${mirror}`], { timeoutMs: 120_000 });
      const took = performance.now() - began;
      if (code !== 0) throw new Error(`${stdout}${stderr}`);
      console.log(`  ${name}: ${(took / 1000).toFixed(2)} s (${[...stdout.matchAll(/✓ (\w+) ([\d.]+ s)/g)].map(([, step, seconds]) => `${step} ${seconds}`).join(', ')})`);
      return { took, url: /^url (\S+)$/m.exec(stdout)?.[1] ?? '' };
    };
    const cold = await create('bench-cold');
    const warm: number[] = [];
    for (let round = 0; round < times; round += 1) warm.push((await create(`bench-warm-${round}`)).took);

    const again: number[] = [];
    const manifest = path.join(source, 'package.json');
    for (let round = 1; round <= times; round += 1) {
      const version = `1.0.${round}`;
      writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/"version": "[^"]+"/, `"version": "${version}"`));
      const began = performance.now();
      await startBinaryBuild((to, body) => client.raw('POST', to, body), 'default', 'bench-cold', archiveSource(source, await listSource(source)));
      while (!(await fetchRoute(cold.url).then(({ body }) => body.includes(version), () => false))) await sleep(10);
      again.push(performance.now() - began);
    }
    return [
      { what: 'source to URL, first build', value: cold.took / 1000, unit: 's', better: 'less' },
      { what: 'source to URL, warm', value: median(warm) / 1000, unit: 's', better: 'less', least: { value: 4 }, aim: { value: 2 } },
      { what: 'changed source to URL: rebuild', value: median(again) / 1000, unit: 's', better: 'less', least: { value: 4 }, aim: { value: 1 } },
    ];
  } finally {
    await dispose();
    await index.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printTable(await withPlatform((platform) => benchSourceToUrl(platform, Number(process.argv[2] ?? 3))));
