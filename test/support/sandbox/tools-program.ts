/** Stands for the bundle of the built-in image: an HTTP server, or what its argument says. */
import { createServer } from 'node:http';

const [what = 'serve', ...rest] = process.argv.slice(2);
if (what === 'serve') {
  const port = Number(process.env['PORT'] ?? 8080);
  createServer((request, response) => response.end(`hello from ${process.env['HOSTNAME']} ${request.socket.remoteAddress}`)).listen(port, rest[0] ?? '0.0.0.0', () => console.log('listening'));
  process.on('SIGTERM', () => process.exit(0));
} else if (what === 'count') {
  // Lines with numbers, so that a gap shows.
  let at = 0;
  setInterval(() => console.log(`line ${at++}`), 2);
} else if (what === 'eat') {
  const kept: Buffer[] = [];
  setInterval(() => kept.push(Buffer.alloc(16 << 20, 1)), 10);
}
