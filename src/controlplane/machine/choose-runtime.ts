import { mkdir } from 'node:fs/promises';
import { probeSandbox } from '../../agent/holder/probe.ts';
import { StartRefused } from '../start-report.ts';

/** The sandbox where this machine can, plain processes elsewhere or on request. What was asked for is never weakened silently. */
export async function chooseRuntime(asked: 'sandbox' | 'process' | undefined, home: string): Promise<'sandbox' | 'process'> {
  if (asked === 'process') return 'process';
  if (process.platform !== 'linux') {
    if (asked === 'sandbox') throw new StartRefused('MissingPower', 'The sandbox needs Linux.', 'Start with: slipway up --runtime process');
    return 'process';
  }
  await mkdir(home, { recursive: true, mode: 0o700 });
  const probe = await probeSandbox(home);
  if (probe.ok) return 'sandbox';
  throw new StartRefused('MissingPower', `Pods cannot be sandboxed on this machine: ${probe.why ?? 'namespaces cannot be made'}.`, [probe.fix, 'Or run apps as plain processes, without isolation: slipway up --runtime process'].filter(Boolean).join('\n'));
}
