// Installs the real VS Code workbench (code-server) into .cache, once. It stays out of package.json because it refuses to install under another Node.js.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const codeServerVersion = '4.139';
export const codeServerFolder = path.join(root, '.cache', 'code-server');

const natives = ['@vscode/spdlog', '@vscode/native-watchdog', 'node-pty', '@parcel/watcher', '@vscode/sqlite3'];

export function installCodeServer() {
  const done = path.join(codeServerFolder, `installed-${codeServerVersion}`);
  const home = path.join(codeServerFolder, 'node_modules', 'code-server');
  if (existsSync(done)) return home;
  mkdirSync(codeServerFolder, { recursive: true });
  writeFileSync(path.join(codeServerFolder, 'package.json'), JSON.stringify({ name: 'code-server-cache', private: true }));
  npm(['install', `code-server@${codeServerVersion}`, '--ignore-scripts', '--no-audit', '--no-fund'], codeServerFolder);
  const workbench = path.join(home, 'lib', 'vscode');
  npm(['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], workbench);
  npm(['rebuild', ...natives], workbench);
  writeFileSync(done, '');
  return home;
}

function npm(args, cwd) {
  const result = spawnSync(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, { cwd, stdio: 'inherit' });
  if (result.status !== 0) throw new Error(`npm ${args[0]} failed in ${cwd}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(installCodeServer());
