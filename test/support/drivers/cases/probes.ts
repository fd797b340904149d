import { expect } from 'vitest';
import { node, podOf, shell, type DriverCase } from '../contract.ts';

/** HTTP on 8080, and `grpc.health.v1.Health` on 9000, which serves. */
const program = `
const port = (number) => process.env['SLIPWAY_PORT_' + number] || number;
require('node:http').createServer((request, response) => response.writeHead(request.headers['x-probe'] === 'yes' && request.url === '/ready?a=b' ? 200 : 500).end()).listen(port(8080));
require('node:http2').createServer().on('stream', (stream, headers) => {
  stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.from([0, 0, 0, 0, 2, 8, headers[':path'] === '/grpc.health.v1.Health/Check' ? 1 : 2]));
}).listen(port(9000));
`;
const ports = [{ name: 'http', containerPort: 8080 }, { name: 'grpc', containerPort: 9000 }];
const often = { periodSeconds: 1, failureThreshold: 1 };

export const probes: DriverCase[] = [
  {
    name: 'by HTTP, TCP, gRPC and commands let a pod be ready',
    objects: () => [podOf('probed', [
      node('http', program, { ports, startupProbe: { tcpSocket: { port: 'http' }, periodSeconds: 1, failureThreshold: 60 }, readinessProbe: { httpGet: { path: '/ready?a=b', port: 'http', httpHeaders: [{ name: 'X-Probe', value: 'yes' }] }, periodSeconds: 1 }, livenessProbe: { grpc: { port: 9000 }, periodSeconds: 1 } }),
      shell('command', 'touch "${TMPDIR:-/tmp}/here"; exec sleep 100000', { readinessProbe: { exec: { command: ['sh', '-c', 'test -e "${TMPDIR:-/tmp}/here"'] }, ...often } }),
    ])],
    async run(bed) {
      await bed.ready('probed');
      await bed.platform.kube('exec', 'probed', '-c', 'command', '--', 'sh', '-c', 'rm "${TMPDIR:-/tmp}/here"');
      await bed.until('probed', 'it is not ready', ({ status }) => status?.conditions?.some(({ type, status: is, reason }) => type === 'Ready' && is === 'False' && reason === 'ContainersNotReady') ?? false);
      const { http } = await bed.states('probed', 'one of two is ready', (of) => of.http?.ready === true && of.command?.ready === false);
      expect(http).toMatchObject({ restartCount: 0, started: true });
    },
  },
  {
    name: 'that fail restart a container, and tell of it',
    objects: () => [podOf('unhealthy', [shell('main', 'exec sleep 100000', { livenessProbe: { exec: { command: ['sh', '-c', 'echo not well; exit 1'] }, ...often } })], { terminationGracePeriodSeconds: 0 })],
    async run(bed) {
      await bed.states('unhealthy', 'it was started again', (of) => (of.main?.restartCount ?? 0) > 0);
      const events = await bed.platform.kube('events', '--for', 'pod/unhealthy');
      expect(events).toMatch(/Unhealthy .*Liveness probe failed: not well/);
      expect(events).toMatch(/Killing .*Container main failed liveness probe, will be restarted/);
      await bed.platform.kube('delete', 'pod', 'unhealthy', '--wait=false');
    },
  },
];
