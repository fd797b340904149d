import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { kernelProxy } from '../../../../../src/agent/network/kernel/kernel-proxy.ts';
import type { ServiceTable } from '../../../../../src/agent/network/service-table.ts';
import { Scope } from '../../../../../src/base/disposable.ts';
import { silentLog } from '../../../../../src/base/log.ts';
import { eventually } from '../../../../support/eventually.ts';

let scope = new Scope();
afterEach(async () => {
  await scope.dispose();
  scope = new Scope();
});

/** In place of nft: keeps the scripts that it takes. Where there is a file `refuse` it takes none; where that says `all`, not even the removal of a table. */
function program(): { file: string; scripts(): string[]; refuse(which: 'rules' | 'all' | undefined): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'nft-'));
  scope.defer(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'nft');
  const [taken, refusal] = [path.join(folder, 'taken'), path.join(folder, 'refuse')];
  writeFileSync(taken, '');
  writeFileSync(file, `#!/bin/sh\ntext=$(cat)\nif [ -f ${refusal} ]; then case "$(cat ${refusal})$text" in all*|*chain*) echo 'Operation not supported' >&2; exit 1;; esac; fi\nprintf '%s\\n=====\\n' "$text" >> ${taken}\n`);
  chmodSync(file, 0o700);
  return {
    file,
    scripts: () => readFileSync(taken, 'utf8').split('\n=====\n').slice(0, -1),
    refuse: (which) => (which ? writeFileSync(refusal, which) : rmSync(refusal)),
  };
}

async function application(): Promise<number> {
  const server = createServer((socket) => socket.end('well'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.defer(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** What an address of a service answers; on this machine all of 127.0.0.0/8 can be listened on. */
const ask = (host: string, port: number) => new Promise<string>((resolve) => {
  let text = '';
  connect(port, host).on('data', (part) => (text += String(part))).on('end', () => resolve(text)).on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
});

test.each<['rules' | 'all', boolean]>([['rules', false], ['all', true]])('rules that are refused (%s): relayed until they can be made again', async (which, stale) => {
  const nft = program();
  const told: object[] = [];
  const proxy = scope.own(kernelProxy({ program: nft.file, serviceCidr: '127.30.0.0/16', podCidr: '10.128.0.0/23', node: 'node-1', sockets: [], log: silentLog, againMs: 20, tell: (change) => told.push(change) }));
  const port = await application();
  const table = (...names: string[]): ServiceTable => names.map((name, at) => ({ namespace: 'demo', name, clusterIPs: [`127.30.77.${at + 1}`], publishNotReady: false, ports: [{ name: '', protocol: 'TCP', port: 4_480, endpoints: [{ ip: '127.0.0.1', port, ready: true }] }] }));
  await proxy.update(table('one'));
  expect(nft.scripts().at(-1)).toContain('127.30.77.1 . tcp . 4480');
  expect(await ask('127.30.77.1', 4_480)).toBe('ECONNREFUSED');

  nft.refuse(which);
  await proxy.update(table('one', 'two'));
  expect(told).toEqual([{ inForce: false, stale, why: expect.stringContaining('Operation not supported') as string }]);
  for (const host of ['127.30.77.1', '127.30.77.2']) expect(await ask(host, 4_480)).toBe('well');
  if (!stale) expect(nft.scripts().at(-1)).toBe('add table ip slipway-services\ndelete table ip slipway-services');
  await proxy.update(table('one'));
  expect(await ask('127.30.77.2', 4_480)).toBe('ECONNREFUSED');

  nft.refuse(undefined);
  await eventually(() => told.at(-1)).toEqual({ inForce: true });
  expect(told).toHaveLength(2);
  expect(nft.scripts().at(-1)).toContain('add table ip slipway-services');
  await eventually(() => ask('127.30.77.1', 4_480)).toBe('ECONNREFUSED');
});
