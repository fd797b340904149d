/** The platform that is measured: started as a user starts it, with what a measurement wants to know of its processes. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Pool } from 'undici';
import type { RunInfo } from '../../src/protocol/daemon.ts';
import { eventually, Platform } from '../support/platform/platform.ts';
import { familyOf, processesNaming, type FoundProcess } from '../support/platform/processes.ts';

export type Call = (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown, type?: string) => Promise<string>;

export class MeasuredPlatform extends Platform {
  get info(): RunInfo {
    return JSON.parse(readFileSync(path.join(this.home, 'run.json'), 'utf8')) as RunInfo;
  }

  /** pid 1 of the machine holder, in whose network pods are. */
  get holder(): number {
    return (JSON.parse(readFileSync(path.join(this.info.runDirectory, 'holder.json'), 'utf8')) as { init: { pid: number } }).init.pid;
  }

  /** CPU time of the control plane so far, all threads, in ms. The system counts in steps of 10. */
  cpu(): number {
    const stat = readFileSync(`/proc/${this.info.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  processes(): FoundProcess[] {
    const { pid, runDirectory } = this.info;
    return familyOf([pid, this.holder, ...processesNaming(this.home).map((one) => one.pid), ...processesNaming(runDirectory).map((one) => one.pid)]);
  }

  /** Every process of the platform with its share of memory (PSS) in MB. */
  memory(): { command: string; megabytes: number }[] {
    return this.processes().flatMap((one) => {
      const file = `/proc/${one.pid}/smaps_rollup`;
      const pss = existsSync(file) ? /^Pss:\s+(\d+) kB/m.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
      return pss === undefined ? [] : [{ command: one.command, megabytes: Number(pss) / 1024 }];
    });
  }

  /** Command line that runs `argv` where pod addresses can be dialled. */
  inside(argv: readonly string[]): string[] {
    return ['nsenter', '-t', String(this.holder), ...(process.getuid?.() === 0 ? [] : ['-U', '--preserve-credentials']), '-n', ...argv];
  }

  /** Connections of an administrator over HTTPS with a client certificate. */
  pool(connections: number, port = Number(new URL(this.info.api).port)): Pool {
    const part = (name: string) => Buffer.from(new RegExp(`${name}: (\\S+)`).exec(readFileSync(this.kubeconfig, 'utf8'))?.[1] ?? '', 'base64');
    return new Pool(`https://127.0.0.1:${port}`, { connections, pipelining: 1, bodyTimeout: 0, connect: { ca: part('certificate-authority-data'), cert: part('client-certificate-data'), key: part('client-key-data') } });
  }
}

export function caller(pool: Pool): Call {
  return async (method, target, body, type = 'application/json') => {
    const reply = await pool.request({ method, path: target, headers: { 'user-agent': 'bench/1', ...(body !== undefined && { 'content-type': type }) }, ...(body !== undefined && { body: JSON.stringify(body) }) });
    const text = await reply.body.text();
    if (reply.statusCode >= 300) throw new Error(`${method} ${target}: ${reply.statusCode} ${text}`);
    return text;
  };
}

/** Path of a program of the system, if it is installed. */
export function installed(name: string): string | undefined {
  try {
    return execFileSync('sh', ['-c', 'PATH=$PATH:/usr/sbin:/sbin command -v "$1"', 'sh', name], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Runs one measurement by itself: `node test/bench/<name>.ts`. */
export async function withPlatform<T>(use: (platform: MeasuredPlatform) => Promise<T>): Promise<T> {
  const platform = new MeasuredPlatform();
  try {
    await platform.up(['--runtime', 'sandbox']);
    // Made once a home, after its first start: nothing that is measured here.
    const tagged = () => platform.kube('get', 'imagestreams', '-n', 'openshift', '-o', 'jsonpath={.items[*].status.tags[*].tag}');
    await eventually('the builders are published', async () => ((await tagged()).split('latest').length > 3 ? true : undefined), 120_000);
    return await use(platform);
  } finally {
    await platform.dispose();
  }
}
