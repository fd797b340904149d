import { mkdir } from 'node:fs/promises';
import { probeSandbox } from '../../agent/holder/probe.ts';
import { homeMark } from '../../agent/runtime/engine/labels.ts';
import { explainNoEngine, findEngine } from '../../detect/engine.ts';
import { InvalidEngineAddress } from '../../detect/engine-address.ts';
import { thisMachine } from '../../detect/command.ts';
import type { EngineChoice } from '../../protocol/agent.ts';
import { StartRefused } from '../start-report.ts';

export type ChosenRuntime = { name: 'sandbox' | 'process' } | { name: 'engine'; engine: Omit<EngineChoice, 'dialSocket'> };

export interface AskedRuntime {
  runtime: ChosenRuntime['name'] | undefined;
  /** Address of the engine. */
  engine: string | undefined;
  home: string;
}

/** The sandbox where this machine can, plain processes elsewhere or on request, an engine on request. What was asked for is never weakened silently. */
export async function chooseRuntime({ runtime: asked, engine, home }: AskedRuntime): Promise<ChosenRuntime> {
  if (asked === 'engine') return { name: 'engine', engine: await chooseEngine(home, engine) };
  if (asked === 'process') return { name: 'process' };
  if (process.platform !== 'linux') {
    if (asked === 'sandbox') throw new StartRefused('MissingPower', 'The sandbox needs Linux.', 'Start with: slipway up --runtime process');
    return { name: 'process' };
  }
  await mkdir(home, { recursive: true, mode: 0o700 });
  const probe = await probeSandbox(home);
  if (probe.ok) return { name: 'sandbox' };
  throw new StartRefused('MissingPower', `Pods cannot be sandboxed on this machine: ${probe.why ?? 'namespaces cannot be made'}.`, [probe.fix, 'Or run apps as plain processes, without isolation: slipway up --runtime process'].filter(Boolean).join('\n'));
}

async function chooseEngine(home: string, given: string | undefined): Promise<Omit<EngineChoice, 'dialSocket'>> {
  const { found, asked } = await findEngine(thisMachine, given).catch((error: unknown) => {
    if (error instanceof InvalidEngineAddress) throw new StartRefused('MissingPower', `${error.message}.`, 'Example: slipway up --runtime engine --engine unix:///var/run/docker.sock');
    throw error;
  });
  if (!found) {
    const { why, fix } = await explainNoEngine(asked);
    throw new StartRefused('MissingPower', `No container engine can be used: ${why}.`, fix);
  }
  const { url, source, socketPath, tcp } = found;
  const { SLIPWAY_ENGINE_RELAY: relay, SLIPWAY_ENGINE_TOOLS: toolsImage } = process.env;
  return { address: { url, source, ...(socketPath !== undefined && { socketPath }), ...(tcp && { tcp }) }, home: homeMark(home), ...(relay && { relay: true }), ...(toolsImage && { toolsImage }) };
}
