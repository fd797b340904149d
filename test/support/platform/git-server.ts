/** A Git host: repositories over smart HTTP on the loopback, one of them asking for a password. */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface GitServer {
  port: number;
  /** Makes a repository `<name>.git` of a folder's files, with more files laid over; its URL as pods see it. */
  repository(name: string, folder: string | undefined, files?: Record<string, string>): string;
  /** The URL as this machine sees it. */
  local(name: string): string;
  close(): Promise<void>;
}

export async function startGitServer(): Promise<GitServer> {
  const root = mkdtempSync(path.join(tmpdir(), 'slipway-git-'));
  const backend = path.join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend');
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://git');
    if (url.pathname.startsWith('/private')) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    const child = spawn(backend, [], {
      env: {
        PATH: process.env.PATH, GIT_PROJECT_ROOT: root, GIT_HTTP_EXPORT_ALL: '1', PATH_INFO: url.pathname, QUERY_STRING: url.search.slice(1), REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'] ?? '', HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '', GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''), REMOTE_ADDR: '127.0.0.1',
      },
    });
    request.pipe(child.stdin);
    child.stdin.on('error', () => undefined);
    let head = Buffer.alloc(0);
    let body = false;
    child.stdout.on('data', (chunk: Buffer) => {
      if (body) return void response.write(chunk);
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const headers = head.subarray(0, end).toString().split('\r\n').map((line) => line.split(/:\s*/, 2) as [string, string]);
      const status = headers.find(([name]) => name === 'Status')?.[1];
      response.writeHead(status ? Number.parseInt(status, 10) : 200, Object.fromEntries(headers.filter(([name]) => name !== 'Status')));
      response.write(head.subarray(end + 4));
      body = true;
    });
    child.stdout.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    repository(name, folder, files = {}) {
      const work = path.join(root, `${name}.work`);
      if (folder) cpSync(folder, work, { recursive: true });
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(path.dirname(path.join(work, file)), { recursive: true });
        writeFileSync(path.join(work, file), text);
      }
      const git = (...args: string[]) => execFileSync('git', ['-C', work, '-c', 'user.name=Test', '-c', 'user.email=test@example.com', '-c', 'init.defaultBranch=main', ...args], { stdio: 'ignore' });
      git('init', '-q');
      git('add', '-A');
      git('commit', '-qm', `Start ${name}`);
      execFileSync('git', ['clone', '-q', '--bare', work, path.join(root, `${name}.git`)], { stdio: 'ignore' });
      execFileSync('git', ['-C', path.join(root, `${name}.git`), 'config', 'uploadpack.allowReachableSHA1InWant', 'true']);
      return `http://host.slipway.internal:${port}/${name}.git`;
    },
    local: (name) => `http://127.0.0.1:${port}/${name}.git`,
    close: () => new Promise((resolve) => {
      server.close(() => {
        rmSync(root, { recursive: true, force: true });
        resolve();
      });
      server.closeAllConnections();
    }),
  };
}
