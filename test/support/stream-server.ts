/** An API server that knows one pod, whose container is this machine: enough for a real kubectl to exec, attach, copy and forward ports. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { RemoteCommand } from '../../src/controlplane/kernel/apiserver/kind.ts';
import { servePortForward } from '../../src/controlplane/kernel/apiserver/streaming/port-forward.ts';
import { serveRemoteCommand } from '../../src/controlplane/kernel/apiserver/streaming/remote-command.ts';

export interface StreamServer {
  readonly url: string;
  /** `upgrade` header and protocol of every stream request so far. */
  readonly upgrades: string[];
  /** Makes upgrades of that kind fail, as a proxy without WebSockets does. */
  refuse: string | undefined;
  /** Resolves once every stream and every command has ended. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

const pod = {
  apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default', uid: 'u' }, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
  status: { phase: 'Running', containerStatuses: [{ name: 'c', ready: true, state: { running: {} } }] },
};
const verbs = ['get', 'list', 'create'];
const answers: Record<string, unknown> = {
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
  '/api/v1': { kind: 'APIResourceList', groupVersion: 'v1', resources: [{ name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod', verbs }] },
  '/api/v1/namespaces/default/pods/p': pod,
};

export async function startStreamServer(): Promise<StreamServer> {
  const upgrades: string[] = [];
  const running: Promise<void>[] = [];
  const server: Server = createServer((request, response) => {
    const answer = answers[(request.url ?? '').replace(/\?.*/, '')];
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? {}));
  });
  const result: StreamServer = {
    url: '', upgrades, refuse: undefined,
    idle: async () => void (await Promise.all(running)),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  server.on('upgrade', (request, socket: Duplex, head) => {
    const url = new URL(request.url ?? '', 'http://x');
    upgrades.push(`${request.headers.upgrade} ${request.headers['sec-websocket-protocol'] ?? request.headers['x-stream-protocol-version']}`);
    if (result.refuse === request.headers.upgrade?.toLowerCase()) return void socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    const on = (name: string) => ['true', '1'].includes(url.searchParams.get(name) ?? '');
    if (url.pathname.endsWith('/portforward')) {
      const ports = url.searchParams.getAll('ports').map(Number);
      return void running.push(servePortForward(request, socket, head, ports, dial));
    }
    const options = { tty: on('tty'), stdin: on('stdin'), stdout: on('stdout'), stderr: on('stderr') };
    const run = (session: RemoteCommand) => {
      const command = execute(url.searchParams.getAll('command'), session);
      running.push(command.catch(() => undefined));
      return command;
    };
    running.push(serveRemoteCommand(request, socket, head, options, run));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(result, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

async function dial(port: number): Promise<Duplex> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}

/** `sizes N` prints the first N terminal sizes; everything else is a program of this machine. */
async function execute(command: string[], session: RemoteCommand): Promise<void> {
  const [program = 'sh', ...args] = command;
  if (program === 'sizes') return printSizes(Number(args[0]), session);
  const child = spawn(program, args, { stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  session.stdin?.pipe(child.stdin);
  if (!session.stdin) child.stdin.end();
  if (session.stdout) child.stdout.pipe(session.stdout);
  if (session.stderr) child.stderr.pipe(session.stderr);
  const failed = once(child, 'error').then(([error]) => Promise.reject(error as Error));
  const [code] = (await Promise.race([once(child, 'close'), failed])) as [number];
  session.exit({ code });
}

function printSizes(count: number, session: RemoteCommand): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    session.onResize(({ width, height }) => {
      session.stdout?.write(`${width}x${height}\r\n`);
      left -= 1;
      if (left === 0) resolve();
    });
  });
}
