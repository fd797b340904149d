/**
 * `npm run bench`: what the design promises in numbers, each beside its peer: one that Debian has and that runs here in the same run, or the figure that was recorded.
 * `npm run bench -- api router` measures those alone. Nothing is asserted.
 */
import { cpus } from 'node:os';
import { benchActivation } from './activation.ts';
import { benchApi } from './api.ts';
import { benchDockerfile } from './dockerfile.ts';
import { withPlatform, type MeasuredPlatform } from './platform.ts';
import { benchPodMemory } from './pod-memory.ts';
import { benchPodStart } from './pod-start.ts';
import { benchRebuild } from './rebuild.ts';
import { benchRegistry } from './registry.ts';
import { benchRouter } from './router.ts';
import { benchBinding, benchScheduler } from './scheduler.ts';
import { benchServices } from './services.ts';
import { benchSourceToUrl } from './source-to-url.ts';
import { benchStart } from './start.ts';
import { benchStore } from './store.ts';
import { printTable, type Row } from './table.ts';

const onPlatform = { start: benchStart, 'pod-start': benchPodStart, 'pod-memory': benchPodMemory, 'source-to-url': benchSourceToUrl, rebuild: benchRebuild, router: benchRouter, services: benchServices, api: benchApi, scheduler: async (platform: MeasuredPlatform) => [...benchScheduler(), ...(await benchBinding(platform))] };
const alone = { dockerfile: () => benchDockerfile(), registry: () => benchRegistry(), store: () => benchStore(), activation: () => benchActivation() };

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in onPlatform) && !(name in alone));
if (unknown.length > 0) throw new Error(`there is no measurement "${unknown.join('", "')}"; there are ${[...Object.keys(onPlatform), ...Object.keys(alone)].join(', ')}`);
const wanted = ([name]: [string, unknown]) => asked.length === 0 || asked.includes(name);

const rows: Row[] = [];
const measure = async (name: string, run: () => Promise<Row[]>) => {
  console.log(`── ${name}`);
  try {
    rows.push(...(await run()));
  } catch (error) {
    // One that cannot be measured here leaves the others their place.
    console.log(`  ${(error as Error).stack ?? String(error)}`);
    process.exitCode = 1;
  }
};

const together = Object.entries(onPlatform).filter(wanted);
if (together.length > 0) {
  await withPlatform(async (platform) => {
    for (const [name, run] of together) await measure(name, () => run(platform));
  });
}
for (const [name, run] of Object.entries(alone).filter(wanted)) await measure(name, run);

console.log(`\n${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, Node.js ${process.versions.node}; "recorded" figures are of the same kind of machine, at another time\n`);
printTable(rows);
