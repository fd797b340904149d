/**
 * Runs in a pod's network namespace: whoever connects to the socket and sends the line `<port>` is joined with that port of the pod's loopback.
 * Answers `ok` or `error <text>` first. Ends itself after a minute without connections.
 */
import { connect, createServer, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';

const idleMilliseconds = 60_000;
const longestLine = 16;

export function serveRelay(path: string): void {
  process.chdir(dirname(path));
  let open = 0;
  let idle: NodeJS.Timeout | undefined;
  const rest = () => {
    clearTimeout(idle);
    if (open === 0) idle = setTimeout(() => process.exit(0), idleMilliseconds);
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open += 1;
    rest();
    socket.once('close', () => {
      open -= 1;
      rest();
    });
    socket.on('error', () => undefined);
    readPort(socket, (port, first) => join(socket, port, first));
  });
  server.listen(basename(path), () => process.stdout.write('ready\n'));
  rest();
}

function readPort(socket: Socket, then: (port: number, first: Buffer) => void): void {
  let head = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf(10);
    if (end < 0 && head.length > longestLine) return void socket.destroy();
    if (end < 0) return;
    socket.off('data', onData);
    socket.pause();
    then(Number(head.subarray(0, end).toString('latin1')), head.subarray(end + 1));
  };
  socket.on('data', onData);
}

function join(socket: Socket, port: number, first: Buffer): void {
  const target = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  target.once('connect', () => {
    socket.write('ok\n');
    if (first.length > 0) target.write(first);
    socket.pipe(target).pipe(socket);
  });
  target.once('error', (error) => socket.end(`error ${error.message}\n`));
  socket.once('close', () => target.destroy());
}
