import { tmpdir } from 'node:os';
import { probeNft } from '../../agent/network/kernel/nft.ts';
import { findCgroupScope } from '../../agent/holder/cgroup-scope.ts';
import { probeIdRanges } from '../../agent/holder/id-ranges.ts';
import { probeSandbox } from '../../agent/holder/probe.ts';
import { explainNoEngine, findEngine } from '../../detect/engine.ts';
import type { RuntimeProbe } from '../../protocol/daemon.ts';

/** Which drivers can run pods here, found by doing it. */
export async function probeRuntimes(directory = tmpdir()): Promise<RuntimeProbe[]> {
  const sandbox: RuntimeProbe = process.platform === 'linux' ? await probeLinux(directory) : { name: 'sandbox', ok: false, detail: '', why: 'it needs Linux; apps run as plain processes here' };
  return [sandbox, await probeEngine(), { name: 'process', ok: true, detail: 'plain processes; isolates nothing' }];
}

async function probeLinux(directory: string): Promise<RuntimeProbe> {
  const { ok, why, fix } = await probeSandbox(directory);
  const [nft, scope] = ok ? await Promise.all([probeNft((argv) => ['unshare', '-Urn', ...argv]), findCgroupScope()]) : [];
  return { name: 'sandbox', ok, detail: 'every pod in namespaces of its own, no root', ...(why && { why }), ...(fix && { fix }), ...(nft && { packets: 'program' in nft ? { ok: true } : { ok: false, ...nft } }), ...(scope && { limits: { ok: scope.whole, how: scope.detail, ...(scope.fix && { fix: scope.fix }) } }), ...(ok && { users: probeIdRanges() }) };
}

async function probeEngine(): Promise<RuntimeProbe> {
  try {
    const { found, asked } = await findEngine();
    if (found) return { name: 'engine', ok: true, detail: `${found.name} ${found.version} at ${found.url}: containers with limits of the kernel` };
    return { name: 'engine', ok: false, detail: '', ...(await explainNoEngine(asked)) };
  } catch (error) {
    return { name: 'engine', ok: false, detail: '', why: (error as Error).message };
  }
}
