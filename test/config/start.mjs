// `npm start`: the whole path once. Starts the platform, builds the Node sample from its source, prints the URL after it answered, runs until Ctrl-C.
import { spawn } from 'node:child_process';
import path from 'node:path';

const slipway = path.resolve('dist/slipway.js');
const sample = path.resolve('test/fixtures/apps/node-hello');
const home = process.env.SLIPWAY_HOME ? ['--home', process.env.SLIPWAY_HOME] : [];

const up = spawn(process.execPath, ['--no-warnings', slipway, 'up', ...home, ...process.argv.slice(2)], { stdio: ['ignore', 'pipe', 'inherit'] });
// Ctrl-C reaches the platform by itself; here it must only not end this script before it.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => up.kill(signal));
up.on('exit', (code) => process.exit(code ?? 1));

let printed = '';
up.stdout.setEncoding('utf8');
up.stdout.on('data', (text) => {
  process.stdout.write(text);
  const before = printed.includes('\n');
  printed += text;
  if (!before && printed.includes('\n') && printed.startsWith('ready')) void createSample();
});

async function createSample() {
  const code = await run(['new-app', sample, '--name', 'node-hello', ...home]);
  // A second start finds the app of the first one running.
  if (code !== 0) await run(['get', 'routes', ...home]);
  console.log(`
In VS Code:     code --extensionDevelopmentPath=${path.resolve('.')} ${sample}
In a browser:   npm run vscode
With kubectl:   export KUBECONFIG=${process.env.SLIPWAY_HOME ?? '~/.slipway'}/kubeconfig
Ctrl-C stops the platform and its apps.`);
}

function run(args) {
  const child = spawn(process.execPath, ['--no-warnings', slipway, ...args], { stdio: 'inherit' });
  return new Promise((resolve) => child.on('exit', resolve));
}
