// `npm run vscode`: the real VS Code workbench in a browser, with this checkout as its extension.
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { installCodeServer } from '../e2e/support/install-code-server.mjs';

const home = installCodeServer();
const data = path.resolve('.cache/vscode');
const extensions = path.join(data, 'extensions');
mkdirSync(extensions, { recursive: true });
const link = path.join(extensions, 'slipway.slipway');
rmSync(link, { force: true, recursive: true });
symlinkSync(path.resolve('.'), link, 'junction');

const port = process.env.PORT ?? '8700';
const folder = path.resolve(process.argv[2] ?? 'test/fixtures/apps/node-hello');
console.log(`http://127.0.0.1:${port}/?folder=${folder}`);
const server = spawn(process.execPath, [path.join(home, 'out/node/entry.js'), '--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, '--user-data-dir', path.join(data, 'user'), '--extensions-dir', extensions,
  '--disable-telemetry', '--disable-update-check', folder], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.kill(signal));
server.on('exit', (code) => process.exit(code ?? 0));
