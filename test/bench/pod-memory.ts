/**
 * What a running pod costs beyond its own process: whatever of the platform was started for it, in proportional shares (PSS). Beside it what podman starts for a container (conmon).
 * `node test/bench/pod-memory.ts [pods, default 10]`
 */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { toolsImage } from '../../src/api/well-known.ts';
import { eventually } from '../support/platform/platform.ts';
import { allProcesses, familyOf, type FoundProcess } from '../support/platform/processes.ts';
import { caller, withPlatform, type MeasuredPlatform } from './platform.ts';
import { withPodman } from './podman.ts';
import { measured, printTable, recorded, type Row } from './table.ts';

const program = 'setInterval(() => 0, 1e6) // a pod that is measured';
/** Until garbage of the start has been collected and what is kept in reserve is there. */
const settleMs = 5_000;

export async function benchPodMemory(platform: MeasuredPlatform, pods = 10): Promise<Row[]> {
  const ours = await podsOf(platform, pods);
  const theirs = await withPodman(async (ask) => {
    const before = pids(allProcesses());
    const ids: string[] = [];
    for (let at = 0; at < pods; at += 1) {
      const { Id } = (await ask('POST', '/containers/create', { image: 'bench', command: ['/bin/node', '-e', program] })) as { Id: string };
      await ask('POST', `/containers/${Id}/start`);
      ids.push(Id);
    }
    await sleep(settleMs);
    const cost = added(allProcesses().filter(({ command }) => command.includes('conmon')), before) / pods;
    for (const id of ids) await ask('DELETE', `/containers/${id}?force=true&timeout=0`);
    return cost;
  });
  return [{
    what: `memory a pod beyond its own process, ${pods} pods`, value: ours, unit: 'MB', better: 'less',
    peer: theirs === undefined ? recorded('conmon', 2) : measured('conmon', theirs, 'podman'), least: { value: 4 }, aim: { value: 2 },
    ...(theirs === undefined && { note: 'podman and runc (Debian packages) are missing' }),
  }];
}

async function podsOf(platform: MeasuredPlatform, count: number): Promise<number> {
  const pool = platform.pool(2);
  const call = caller(pool);
  const path = '/api/v1/namespaces/default/pods';
  const name = (at: number) => `memory-${at}`;
  const create = (at: number) => call('POST', path, { metadata: { name: name(at), labels: { app: 'memory' } }, spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: toolsImage, imagePullPolicy: 'IfNotPresent', command: ['node', '-e', program] }] } });
  const running = (wanted: number) => eventually('the pods run', async () => ((await platform.kube('get', 'pods', '-l', 'app=memory', '--field-selector=status.phase=Running', '-o', 'name')).split('\n').filter(Boolean).length === wanted ? true : undefined), 120_000);
  // The first one has everything started that the next ones find.
  await create(0);
  await running(1);
  await sleep(settleMs);
  // The node's agent, its shims, and what they started.
  const ofNode = () => familyOf(platform.processes().filter(({ command }) => /(?:agent|shim)\.js/.test(command)).map(({ pid }) => pid));
  const before = pids(ofNode());
  for (let at = 1; at <= count; at += 1) await create(at);
  await running(count + 1);
  await sleep(settleMs);
  const cost = added(ofNode().filter(({ command }) => !command.includes(program) || !command.startsWith('node')), before);
  for (let at = 0; at <= count; at += 1) await call('DELETE', `${path}/${name(at)}`, { gracePeriodSeconds: 0 });
  await pool.close();
  return cost / count;
}

const pids = (processes: readonly FoundProcess[]) => new Set(processes.map(({ pid }) => pid));

/** MB of those that were not there before. */
function added(now: readonly FoundProcess[], before: ReadonlySet<number>): number {
  const sizes = now.filter(({ pid }) => !before.has(pid)).map(({ pid, command }) => ({ command, megabytes: pssOf(pid) }));
  console.log(`  ${sizes.map(({ command, megabytes }) => `${command.split(' ').slice(0, 2).join(' ').slice(-40)} ${megabytes.toFixed(1)}`).join(', ')}`);
  return sizes.reduce((sum, { megabytes }) => sum + megabytes, 0);
}

function pssOf(pid: number): number {
  const file = `/proc/${pid}/smaps_rollup`;
  return existsSync(file) ? Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 0) / 1024 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printTable(await withPlatform((platform) => benchPodMemory(platform, Number(process.argv[2] ?? 10))));
