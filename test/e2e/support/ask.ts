/** Asks applications through the router, as a browser on this machine would. */
import http from 'node:http';
import type { TestHome } from './home.ts';

export function routeOf(home: TestHome, project: string, name: string): string {
  const { router } = JSON.parse(home.slipway('status', '--output', 'json')) as { router: { http: string } };
  return `http://${name}-${project}.apps.localhost:${new URL(router.http).port}`;
}

/** The answer's body. Dialled on the loopback, whatever the name resolves to. */
export function ask(url: string, path: string): Promise<string> {
  const { host, port } = new URL(url);
  return new Promise((resolve, reject) => {
    http.get({ host: '127.0.0.1', port, path, headers: { host }, agent: false, timeout: 10_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text)).on('end', () => resolve(body));
    }).on('error', reject);
  });
}
