import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { Statistics } from '../../../../../src/controlplane/route/router/statistics.ts';
import { joinTunnel } from '../../../../../src/controlplane/route/router/tunnel.ts';

const listening = async (server: net.Server) => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

test('whoever has said all in a tunnel is still answered, and then it ends', async () => {
  const statistics = new Statistics();
  const endpoint = net.createServer({ allowHalfOpen: true }, (socket) => {
    let heard = '';
    socket.on('data', (chunk) => (heard += chunk.toString())).once('end', () => socket.end(`heard ${heard}`));
  });
  const port = await listening(endpoint);
  const router = net.createServer((client) => {
    client.pause();
    const far = net.connect(port, '127.0.0.1', () => joinTunnel(client, far, 60_000, statistics));
  });
  const client = net.connect({ port: await listening(router), host: '127.0.0.1', allowHalfOpen: true }, () => client.end('everything'));
  let answer = '';
  client.on('data', (chunk) => (answer += chunk.toString()));
  await once(client, 'close');
  expect(answer).toBe('heard everything');
  await Promise.all([endpoint, router].map((server) => new Promise((resolve) => server.close(resolve))));
  expect(statistics.tunnels).toBe(0);
});
