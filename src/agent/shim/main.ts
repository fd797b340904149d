/** `shim.js`: waits for a folder on standard input, then looks after that one container. `shim.js relay <socket>`: see relay.ts. */
import { serveRelay } from './relay.ts';
import { Shim } from './shim.ts';

for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);

if (process.argv[2] === 'relay') serveRelay(process.argv[3] ?? '');
else {
  let text = '';
  process.stdin.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const end = text.indexOf('\n');
    if (end < 0) return;
    process.stdin.destroy();
    new Shim(text.slice(0, end), () => process.exit(0));
  });
  process.stdin.on('end', () => {
    if (!text.includes('\n')) process.exit(0);
  });
}
