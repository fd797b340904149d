/** `shim.js`: looks after the containers whose folders come as lines on standard input; see protocol/shim.ts. `shim.js relay <socket>`: see relay.ts. */
import { serveRelay } from './relay.ts';
import { serveShims } from './shim-server.ts';

for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);

if (process.argv[2] === 'relay') serveRelay(process.argv[3] ?? '');
else serveShims(process.stdin, process.stdout, () => process.exit(0));
