import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { detectEngines } from '../../detect/engine.ts';
import { findHaproxy } from '../../detect/haproxy.ts';
import { detectNodeRuntimes } from '../../detect/node-runtime.ts';
import { detectToolchains } from '../../detect/toolchain.ts';
import type { RuntimeProbe } from '../../protocol/daemon.ts';
import { parse } from '../arguments.ts';
import { bundleFolder } from '../bundle-folder.ts';

interface Finding {
  ok: boolean;
  what: string;
  detail: string;
  /** The one line that brings it. */
  fix?: string | undefined;
}

/** Exit code 0 if apps can be run here, 1 if something needed is missing. */
export async function doctor(args: string[]): Promise<number> {
  const given = parse(args, { output: { type: 'string', short: 'o' } });
  const [runtimes, nodes, toolchains, engines, haproxy] = await Promise.all([probeRuntimes(), detectNodeRuntimes(), detectToolchains(), detectEngines(), findHaproxy()]);
  const findings: Finding[] = [
    ...runtimes.map((one) => ({ ok: one.ok, what: `runtime ${one.name}`, detail: one.ok ? one.detail : (one.why ?? 'cannot be used'), fix: one.fix })),
    ...runtimes.flatMap(({ limits }) => (limits ? [{ ok: limits.ok, what: 'resource limits', detail: limits.how, fix: limits.fix }] : [])),
    ...runtimes.flatMap(({ packets }) => (packets ? [packetsFinding(packets)] : [])),
    ...runtimes.flatMap(({ users }) => (users ? [usersFinding(users)] : [])),
    ...nodes.map((one) => ({ ok: one.suitable, what: 'Node.js', detail: `${one.version} ${one.program}${one.suitable ? '' : ' (too old)'}` })),
    ...toolchains.map((one) => ({
      ok: one.found !== undefined,
      what: `builder ${one.builder}`,
      detail: one.found ? `${one.displayName} ${one.found.version} ${one.found.program}${one.others.length > 0 ? ` (also ${one.others.map(({ version }) => version).join(', ')})` : ''}` : (one.missing?.why ?? 'missing'),
      fix: one.missing?.install,
    })),
    ...engines.map((one) => ({ ok: one.why === undefined, what: `engine ${one.name}`, detail: one.why ?? `${one.version ?? ''} ${one.address?.url ?? ''}`.trim(), fix: one.fix })),
    'found' in haproxy ? { ok: true, what: 'router haproxy', detail: `HAProxy ${haproxy.found.version} ${haproxy.found.program}` } : { ok: false, what: 'router haproxy', detail: haproxy.why, fix: haproxy.fix },
  ];
  if (given.text('output') === 'json') process.stdout.write(`${JSON.stringify(findings, undefined, 2)}\n`);
  else for (const one of findings) process.stdout.write(`${one.ok ? '✓' : '✗'} ${one.what.padEnd(18)} ${one.detail}${one.ok || !one.fix ? '' : `\n  fix: ${one.fix}`}\n`);
  return runtimes.some((one) => one.ok) && toolchains.some((one) => one.found) ? 0 : 1;
}

function packetsFinding({ ok, why, fix }: NonNullable<RuntimeProbe['packets']>): Finding {
  const detail = ok ? 'translated by the kernel; network policies are enforced' : `relayed, and network policies are not enforced: ${why}`;
  return { ok, what: 'service addresses', detail, fix };
}

function usersFinding({ ok, why, fix }: NonNullable<RuntimeProbe['users']>): Finding {
  return { ok, what: 'users in builds', detail: ok ? 'commands of Dockerfiles may have all users of their image' : `commands of Dockerfiles have one user: ${why}`, fix };
}

/** The control plane's own program knows what its runtimes need: it tries them. */
async function probeRuntimes(): Promise<RuntimeProbe[]> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', path.join(bundleFolder(), 'control-plane.js'), '--probe'], { timeout: 30_000 });
  return JSON.parse(stdout) as RuntimeProbe[];
}
