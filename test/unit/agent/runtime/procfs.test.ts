import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { expect, test } from 'vitest';
import { identify, isAlive } from '../../../../src/agent/runtime/procfs.ts';
import { freePort } from '../../../support/free-port.ts';

test.runIf(process.platform === 'linux')('a killed process is alive until the last of its threads let go of its ports (/proc is Linux)', async () => {
  const port = await freePort();
  const program = `require('node:net').createServer().listen(${port}, '127.0.0.1', () => console.log('up'))`;
  for (let round = 0; round < 12; round += 1) {
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    const identity = identify(child.pid!)!;
    child.kill('SIGKILL');
    while (isAlive(identity));
    const server = net.createServer().listen(port, '127.0.0.1');
    expect(await once(server, 'listening')).toEqual([]);
    server.close();
    await Promise.all([ended, once(server, 'close')]);
  }
});
