import { createServer, connect, type AddressInfo, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { silentLog } from '../../../../../src/base/log.ts';
import { HostRelay } from '../../../../../src/agent/runtime/engine/inside/host-relay.ts';
import { hostPorts, loopbackPorts } from '../../../../../src/agent/runtime/engine/host-ports.ts';

const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.close()));

async function listening(host = '127.0.0.1'): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined).end('outside'));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

test('ports of the loopback are told from the tables of the kernel', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   2: 0A01A8C0:0051 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   3: 0100007F:0052 0100007F:0053 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   0: 00000000000000000000000001000000:0054 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1 0 100 0 0 10 0
   1: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1 0 100 0 0 10 0
   2: 0000000000000000FFFF00000300007F:0055 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1 0 100 0 0 10 0
   3: B80D01200000000000000000FE000000:0056 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1 0 100 0 0 10 0
`;
  expect(loopbackPorts(table)).toEqual([0x50, 0x54, 0x55, 0x1538]);
});

test.skipIf(process.platform !== 'linux')('those that listen now are among them', async () => {
  const port = await listening();
  expect(await hostPorts()).toContain(port);
});

test('whoever asks for the name waits until the ports of now are relayed; questions at a time are one', async () => {
  let asked = 0;
  const opened: number[] = [];
  const target = await listening();
  const open = (port: number): Duplex => {
    opened.push(port);
    return connect(target, '127.0.0.1');
  };
  // An address of its own, so that the port is free there.
  const relay: HostRelay = new HostRelay({ address: '127.0.0.2', ask: () => void (asked += 1), open, log: silentLog });
  const waiting = [relay.refresh(), relay.refresh()];
  void relay.update([target]);
  await Promise.all(waiting);
  expect(asked).toBe(1);
  expect(await text(connect(target, '127.0.0.2'))).toBe('outside');
  expect(opened).toEqual([target]);
  await relay.update([]);
  await expect(text(connect(target, '127.0.0.2'))).rejects.toThrow('ECONNREFUSED');
  const again = relay.refresh();
  expect(asked).toBe(2);
  await relay.update([]);
  await again;
});
