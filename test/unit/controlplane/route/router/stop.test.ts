import type http from 'node:http';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { eventually } from '../../../../support/eventually.ts';
import { application, browse, routeTo, startRouter } from '../../../../support/router.ts';
import { askIn, openPlainHttp2 } from '../../../../support/routing/ask.ts';

test('a router that stops ends what is idle, tells HTTP/2 clients, and finishes what was begun', async () => {
  const router = await startRouter();
  const held: http.ServerResponse[] = [];
  const app = await application((request, response) => (request.url === '/held' ? void held.push(response) : response.end('at once')));
  router.apply(routeTo('web.test', [app.address]));
  const open = new Set<string>();
  const socket = (name: string, first?: string) => {
    const made = connect(router.http, '127.0.0.1', () => first !== undefined && made.write(first));
    open.add(name);
    made.on('error', () => undefined).on('close', () => open.delete(name));
    return made;
  };
  socket('silent');
  const kept = socket('kept', 'GET / HTTP/1.1\r\nHost: web.test\r\n\r\n');
  await new Promise((resolve) => kept.once('data', resolve));
  const busy = socket('busy', 'GET /held HTTP/1.1\r\nHost: web.test\r\n\r\n');
  let said = '';
  busy.on('data', (part) => (said += String(part)));
  const session = openPlainHttp2({ http: router.http, https: router.https }, 'web.test');
  open.add('session');
  session.once('close', () => open.delete('session'));
  let told = false;
  session.once('goaway', () => (told = true));
  const answer = askIn(session, { url: '' }, new URL('http://web.test/held'));
  await eventually(() => held.length).toBe(2);
  await eventually(() => router.router.metrics().connections).toBe(4);

  // Far longer than this test may take.
  const stopped = router.router.stop(600_000);
  await eventually(() => [...open]).toEqual(['busy', 'session']);
  await eventually(() => told).toBe(true);
  await expect(browse(router.http, 'http://web.test/')).rejects.toThrow();
  for (const response of held) response.end('in the end');
  expect(await answer).toMatchObject({ status: 200, text: 'in the end' });
  await stopped;
  expect(said).toContain('in the end');
  await eventually(() => [...open]).toEqual([]);
  await app.close();
});
