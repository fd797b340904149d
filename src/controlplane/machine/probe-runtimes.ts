import { tmpdir } from 'node:os';
import { probeSandbox } from '../../agent/holder/probe.ts';
import type { RuntimeProbe } from '../../protocol/daemon.ts';

/** Which drivers can run pods here, found by doing it. */
export async function probeRuntimes(directory = tmpdir()): Promise<RuntimeProbe[]> {
  const sandbox: RuntimeProbe = process.platform === 'linux'
    ? await probeSandbox(directory).then((found): RuntimeProbe => ({ name: 'sandbox', ok: found.ok, detail: 'every pod in namespaces of its own, no root', ...(found.why && { why: found.why }), ...(found.fix && { fix: found.fix }) }))
    : { name: 'sandbox', ok: false, detail: '', why: 'it needs Linux; apps run as plain processes here' };
  return [sandbox, { name: 'process', ok: true, detail: 'plain processes; isolates nothing' }];
}
