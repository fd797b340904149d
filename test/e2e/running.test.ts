/** What one does with an application that runs, in the real editor: forward its ports, debug it, read its events, roll it out and back, split its traffic. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { ask, routeOf } from './support/ask.ts';
import { Driver } from './support/driver.ts';
import { everyControlIsNamed, noPageComplained, until } from './support/expectations.ts';
import { testHome, type TestHome } from './support/home.ts';
import { story } from './support/story.ts';
import { freePort, openWorkbench, type Workbench } from './support/workbench.ts';

const app = 'web';
const manifest = { name: app, version: '1.0.0', private: true, scripts: { start: 'node server.js' } };
const server = `const http = require('node:http');
http.createServer((request, response) => {
  const answer = (process.env.GREETING || 'hello') + ' from ' + request.url;
  response.end(answer);
}).listen(process.env.PORT);
process.on('SIGTERM', () => process.exit(0));
// As programs do that open their log files anew: Node.js then leaves the signal alone.
if (process.env.OWN_SIGNAL) process.on('SIGUSR1', () => console.log('logs opened anew'));
`;
const snake = `import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Snake(BaseHTTPRequestHandler):
    def do_GET(self):
        answer = ('hiss from ' + self.path).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer)

signal.signal(signal.SIGTERM, lambda *_: sys.exit())
HTTPServer(('', int(os.environ.get('PORT', 8080))), Snake).serve_forever()
`;

describe('an application that runs', () => {
  let work: string;
  let home: TestHome;
  let bench: Workbench;
  let page: Page;
  let user: Driver;

  const shot = (name: string) => bench.screenshot(`running-${name}`);
  const test = story(shot);
  const appPod = () => user.row('Pods', /^web-\d+-(?!build$|deploy$)[a-z0-9]{5}$/);
  const podName = async () => (await appPod().first().locator('.label-name').textContent()) ?? '';
  const forward = (local: number) => user.row('Port Forwards', `localhost:${local}`);

  const openFile = async (name: string) => {
    await page.keyboard.press('ControlOrMeta+p');
    await user.quickInput.locator('input.input').fill(name);
    await user.quickInput.locator('.monaco-list-row', { hasText: name }).first().click();
    await page.locator('.tab.active', { hasText: name }).waitFor();
  };
  const toggleBreakpoint = async (line: string) => {
    await page.locator('.editor-instance .view-line', { hasText: line }).click();
    await page.keyboard.press('F9');
    await page.locator('.codicon-debug-breakpoint, .codicon-debug-breakpoint-unverified').first().waitFor();
  };
  /** Asks until the debugger, which comes by and by, holds one of the requests at that line; then lets all of them go, and the debugger, too. */
  const heldAt = async (line: string, request: () => Promise<string>, answer: string, picture?: string) => {
    const answers: Promise<string>[] = [];
    await until(async () => {
      answers.push(request().catch((error: Error) => error.message));
      return page.locator('.debug-top-stack-frame-line').count();
    }, 60_000).toBeGreaterThan(0);
    await page.locator('.view-line', { hasText: line }).first().waitFor();
    if (picture) await shot(picture);
    await bench.command('Debug: Disconnect');
    // Those before the rollout may have found nobody.
    await until(async () => (await Promise.all(answers)).at(-1), 30_000).toBe(answer);
    await user.row('Port Forwards', /^localhost:/).waitFor({ state: 'detached' });
  };
  const expose = (service: string) => home.kubectl('create', '-f', written(home.folder, `route-${service}`, { apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata: { name: service, namespace: 'default' }, spec: { to: { kind: 'Service', name: service } } }));

  beforeAll(async () => {
    work = path.join(realpathSync(mkdtempSync(path.join(tmpdir(), 'slipway-running-'))), app);
    mkdirSync(work);
    writeFileSync(path.join(work, 'package.json'), JSON.stringify(manifest));
    writeFileSync(path.join(work, 'server.js'), server);
    writeFileSync(path.join(work, 'snake.py'), snake);
    home = testHome();
    home.slipway('up', '--detach');
    home.slipway('new-app', work, '--name', app);
    // The next version beside it, from the same image.
    const image = home.kubectl('get', 'dc', app, '-o', 'jsonpath={.spec.template.spec.containers[0].image}');
    home.kubectl('create', 'deployment', 'next', `--image=${image}`, '--port=8080');
    // Under npm, which would take the inspector's port before the server can.
    home.kubectl('set', 'env', 'deployment/next', 'GREETING=next', 'NPM_RUN=start', 'OWN_SIGNAL=true');
    home.kubectl('expose', 'deployment', 'next');
    // As the route names it.
    home.kubectl('patch', 'service', 'next', '--type=json', '-p', '[{"op":"add","path":"/spec/ports/0/name","value":"8080-tcp"}]');
    bench = await openWorkbench({ folder: work, home: home.folder, extensions: ['test/fixtures/extensions/debugpy'], settings: { 'debug.openDebug': 'neverOpen', 'debug.toolBarLocation': 'docked' } });
    page = bench.page;
    page.setDefaultTimeout(20_000);
    user = new Driver(page);
    await page.setViewportSize({ width: 1360, height: 1100 });
  });
  afterAll(async () => {
    await bench?.close();
    home?.remove();
    if (work) rmSync(path.dirname(work), { recursive: true, force: true });
  });

  test('a port of a service is forwarded, on the next local port that is free', async () => {
    await user.openSidebar();
    await appPod().waitFor();
    await user.expand('Services');
    await user.expand('Port Forwards');
    await user.inline(user.row('Services', app), 'Forward Port…');
    const asked = await user.asked('Forward web:8080 to a local port');
    expect(Number(await asked.locator('input.input').inputValue())).toBeGreaterThanOrEqual(8080);
    const local = await freePort();
    const taken = http.createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    await user.answer(String((taken.address() as AddressInfo).port));
    await user.quickInput.locator('.quick-input-message', { hasText: /Port \d+ is in use; \d+ is free/ }).waitFor();
    await shot('01-port-taken');
    taken.close();
    await user.answer(String(local));
    await user.notification(`web:8080 is forwarded to localhost:${local}.`).waitFor();
    await until(() => forward(local).textContent()).toContain('web:8080');
    expect(await ask(`http://localhost:${local}`, '/one')).toBe('hello from /one');
    await page.locator('.statusbar-item[id*="slipway.forwards"]', { hasText: '1' }).waitFor();
    await shot('02-forwarded');
    await user.dismissNotifications();
  });

  test('a forward goes on when its pod is replaced, and stops when it is told to', async () => {
    const local = Number(((await user.row('Port Forwards', /^localhost:/).locator('.label-name').textContent()) ?? '').split(':')[1]);
    const before = await podName();
    home.kubectl('delete', 'pod', before, '--wait=false');
    // Asked at once: what comes between two pods waits for the next; the one that ends may still cut a request short.
    await until(() => ask(`http://localhost:${local}`, '/two').catch((error: Error) => error.message)).toBe('hello from /two');
    await until(() => forward(local).getAttribute('aria-label'), 30_000).toMatch(/to web:8080, web-1-(?!$)/);
    await until(async () => (await forward(local).getAttribute('aria-label'))?.includes(before)).toBe(false);
    await page.locator('.statusbar-item[id*="slipway.forwards"]').click();
    await user.asked('Port forwards');
    await shot('03-forwards-menu');
    await page.keyboard.press('Escape');
    await user.inline(forward(local), 'Stop Port Forward');
    await forward(local).waitFor({ state: 'detached' });
    await page.locator('.statusbar-item[id*="slipway.forwards"]').waitFor({ state: 'hidden' });
    await expect(ask(`http://localhost:${local}`, '/')).rejects.toThrow(/ECONNREFUSED/);
  });

  test('a breakpoint in the running pod is hit, and shown in the local source', async () => {
    await openFile('server.js');
    await toggleBreakpoint('const answer');
    await until(() => appPod().textContent(), 30_000).toContain('1/1');
    await user.inline(appPod(), 'Debug');
    await until(() => user.row('Port Forwards', /^localhost:/).textContent(), 30_000).toContain(':9229');
    await heldAt('const answer', () => ask(routeOf(home, 'default', app), '/held'), 'hello from /held', '04-breakpoint');
    await user.row('Port Forwards', /^localhost:/).waitFor({ state: 'detached' });
    await bench.command('View: Close All Editors');
  });

  test('a program that opens no inspector is rolled out with one, debugged, and rolled back', async () => {
    const nextPod = () => user.row('Pods', /^next-/);
    const options = () => home.kubectl('get', 'deployment', 'next', '-o', 'jsonpath={.spec.template.spec.containers[0].env[?(@.name=="NODE_OPTIONS")].value}');
    expose('next');
    await openFile('server.js');
    await until(() => nextPod().count(), 60_000).toBe(1);
    await user.inline(nextPod(), 'Debug');
    const told = user.notification('"server.js" was asked by SIGUSR1 to open its inspector');
    await told.waitFor({ timeout: 30_000 });
    await shot('04-no-inspector');
    await user.press(told, 'Roll Out with Inspector');
    await heldAt('const answer', () => ask(routeOf(home, 'default', 'next'), '/held'), 'next from /held');
    expect(options()).toBe('--inspect=127.0.0.1:0');
    const ended = user.notification('"next" still runs as it was rolled out for debugging.');
    await ended.waitFor();
    await shot('04-still-rolled-out');
    await user.press(ended, 'Roll Back');
    await until(options).toBe('');
    await until(() => home.kubectl('get', 'deployment', 'next', '-o', 'jsonpath={.status.updatedReplicas} {.status.replicas} {.status.readyReplicas}'), 60_000).toBe('1 1 1');
    home.kubectl('delete', 'route/next');
    await bench.command('View: Close All Editors');
  });

  test('a Python program is rolled out with debugpy, and held in the local source', async () => {
    const snakePod = () => user.row('Pods', /^snake-/);
    home.kubectl('create', 'deployment', 'snake', `--image=${home.kubectl('get', 'dc', app, '-o', 'jsonpath={.spec.template.spec.containers[0].image}')}`, '--port=8080', '--', 'python3', 'snake.py');
    home.kubectl('expose', 'deployment', 'snake');
    expose('snake');
    await openFile('snake.py');
    await toggleBreakpoint('answer = ');
    await until(() => snakePod().first().textContent(), 30_000).toContain('1/1');
    await user.inline(snakePod(), 'Debug');
    const told = user.notification('debugpy is not loaded in it');
    await told.waitFor({ timeout: 30_000 });
    await user.press(told, 'Roll Out with debugpy');
    await heldAt('answer = ', () => ask(routeOf(home, 'default', 'snake'), '/held'), 'hiss from /held');
    await user.press(user.notification('"snake" still runs as it was rolled out for debugging.'), 'Roll Back');
    await until(() => home.kubectl('get', 'deployment', 'snake', '-o', 'jsonpath={.spec.template.spec.initContainers[*].name}{.spec.template.spec.volumes[*].name}{.spec.template.spec.containers[0].env[*].name}')).toBe('');
    home.kubectl('delete', 'deployment/snake', 'service/snake', 'route/snake', '--wait=false');
    await bench.command('View: Close All Editors');
  });

  test('events come by themselves: of the project, of one object, filtered', async () => {
    await bench.command('Slipway: Show Events');
    const panel = await bench.webview('.events .event');
    const events = panel.locator('.event:visible');
    await panel.locator('.event', { hasText: 'Scheduled' }).first().waitFor();
    const pod = await podName();
    home.kubectl('create', '-f', tell(home.folder, { kind: 'Pod', name: pod, reason: 'TooWarm', message: 'the pod is too warm', type: 'Warning' }));
    home.kubectl('create', '-f', tell(home.folder, { kind: 'Service', name: app, reason: 'TooCold', message: 'the service is cold', type: 'Normal' }));
    // Newest first, and those of the same second by their names.
    await panel.locator('.event.warning', { hasText: 'TooWarm' }).waitFor();
    await panel.locator('.event', { hasText: 'TooCold' }).waitFor();
    expect(await events.nth(0).textContent()).toMatch(/Too(Warm|Cold)/);
    await everyControlIsNamed(panel);
    await shot('05-events');
    await panel.locator('.filter input').fill('service cold');
    await until(() => events.count()).toBe(1);
    await panel.locator('.filter input').fill('');
    await panel.locator('vscode-button[aria-label="Warnings only"]').click();
    await until(() => events.allTextContents().then((all) => all.every((text) => text.includes('Warning')))).toBe(true);
    await panel.locator('vscode-button[aria-label="Warnings only"]').click();
    await user.menu(user.row('Services', app), 'Show Events');
    await until(() => panel.locator('.title').textContent()).toBe(`default · Service ${app}`);
    await until(() => events.allTextContents().then((all) => all.every((text) => /Service|Endpoints/.test(text)))).toBe(true);
    await panel.locator('.event .object', { hasText: `Service ${app}` }).first().click();
    await page.locator('.tab.active', { hasText: `${app}.txt` }).waitFor();
    await shot('06-events-object');
    await panel.locator('vscode-button', { hasText: 'Whole Project' }).click();
    await panel.locator('.event', { hasText: 'Scheduled' }).first().waitFor();
    await bench.command('View: Close All Editors');
  });

  test('the traffic of a route is split by a slider, and given back', async () => {
    await user.expand('Routes');
    await user.inline(user.row('Routes', app), 'Split Traffic…');
    const sheet = await bench.webview('.shares .share');
    const share = (service: string) => sheet.locator(`.share[data-service="${service}"]`);
    const press = (label: string) => sheet.locator('vscode-button', { hasText: label }).click();
    const weights = () => home.kubectl('get', 'route', app, '-o', 'jsonpath={.spec.to.weight} {.spec.alternateBackends[*].name} {.spec.alternateBackends[*].weight}');
    // Those that could answer are offered first.
    await press('Add');
    await share('next').waitFor();
    const slider = share('next').locator('input[type=range]');
    await slider.focus();
    for (let step = 0; step < 5; step += 1) await page.keyboard.press('ArrowRight');
    await until(() => share(app).locator('input[type=range]').getAttribute('aria-valuetext')).toBe('95 %');
    // Dragged to its middle.
    const box = await slider.boundingBox();
    if (!box) throw new Error('no slider');
    await page.mouse.move(box.x + box.width * 0.05, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2, { steps: 8 });
    await page.mouse.up();
    await until(async () => Math.abs(Number(await slider.inputValue()) - 50)).toBeLessThan(3);
    await share('next').locator('input[type=number]').fill('40');
    await page.keyboard.press('Tab');
    await until(() => share(app).locator('input[type=range]').inputValue()).toBe('60');
    await everyControlIsNamed(sheet);
    await shot('07-traffic');
    await press('Apply');
    await until(weights).toBe('60 next 40');
    const url = routeOf(home, 'default', app);
    const answers = async () => new Set(await Promise.all(Array.from({ length: 20 }, () => ask(url, '/'))));
    await until(answers).toEqual(new Set(['hello from /', 'next from /']));
    await share('next').locator('vscode-button[aria-label="All to next"]').click();
    await press('Apply');
    await until(answers).toEqual(new Set(['next from /']));
    await share('next').locator('vscode-button[aria-label="Take out next"]').click();
    await share('next').waitFor({ state: 'detached' });
    await press('Apply');
    await until(answers).toEqual(new Set(['hello from /']));
    expect(home.kubectl('get', 'route', app, '-o', 'jsonpath={.spec.alternateBackends}')).toBe('');
    await bench.command('View: Close All Editors');
  });

  test('rollouts are watched, compared, undone, paused and scaled on a page', async () => {
    await user.inline(user.row('Projects', app).nth(1), 'Show Rollouts');
    let sheet = await bench.webview('.revisions');
    const revision = (number: number) => sheet.locator(`.revisions tr[data-revision="${number}"]`);
    const act = (action: string) => sheet.locator(`vscode-button[data-action=${action}]`).click();
    const phase = () => sheet.locator('.phase').first().textContent();
    await revision(1).waitFor();
    await until(phase).toBe('complete');
    expect(await revision(1).textContent()).toContain('web-1');
    // A change rolls out while one looks: the new pod comes beside the old one.
    home.kubectl('patch', 'dc', app, '--type=json', '-p', '[{"op":"add","path":"/spec/template/spec/containers/0/env/-","value":{"name":"GREETING","value":"second"}}]');
    await revision(2).waitFor();
    await sheet.locator('.group', { hasText: 'Revision 2' }).locator('.pod').first().waitFor();
    await shot('08-rolling-out');
    await until(() => revision(2).getAttribute('data-state'), 60_000).toBe('current');
    await until(phase).toBe('complete');
    await everyControlIsNamed(sheet);
    await sheet.locator('vscode-button[aria-label="One pod more"]').click();
    await sheet.locator('vscode-button[aria-label="One pod more"]').click();
    await sheet.locator('.facts', { hasText: '3 of 3 ready' }).waitFor({ timeout: 30_000 });
    await sheet.locator('.stepper input').fill('1');
    await sheet.locator('.stepper input').press('Enter');
    await sheet.locator('.facts', { hasText: '1 of 1 ready' }).waitFor({ timeout: 30_000 });
    await shot('09-rollouts');
    await sheet.locator('.revisions tr[data-revision="1"] vscode-button[aria-label="Compare 1 with the current revision"]').click();
    await page.locator('.tab.active', { hasText: 'revision 1 ↔ 2' }).waitFor();
    await page.locator('.monaco-diff-editor .view-line', { hasText: 'second' }).first().waitFor();
    await shot('10-compared');
    await bench.command('View: Close Editor');
    // A page that is shown again is a new one.
    sheet = await bench.webview('.revisions tr[data-revision]');
    await revision(1).locator('vscode-button[aria-label="Roll back to revision 1"]').click();
    await user.confirm('Roll Back');
    await until(() => revision(3).getAttribute('data-state').catch(() => ''), 60_000).toBe('current');
    await until(() => ask(routeOf(home, 'default', app), '/')).toBe('hello from /');
    await user.notification('no longer follows web:latest by itself').waitFor();
    await user.dismissNotifications();
    await act('enableTriggers');
    await user.confirm('Follow Images');
    await sheet.locator('vscode-button[data-action=enableTriggers]').waitFor({ state: 'hidden' });
    await act('pause');
    await until(() => home.kubectl('get', 'dc', app, '-o', 'jsonpath={.spec.paused}')).toBe('true');
    await sheet.locator('vscode-button[data-action=resume]').waitFor();
    await shot('11-paused');
    await bench.choose('Slipway: Start Rollout', app);
    await user.notification(`"${app}" is paused. Resume it first.`).waitFor();
    await user.dismissNotifications();
    await act('resume');
    await sheet.locator('vscode-button[data-action=latest]').waitFor();
  });

  test('a rollout that hangs is cancelled, tried again once its cause is gone, and another revision is gone back to', async () => {
    const sheet = await bench.webview('.revisions tr[data-revision]');
    const revision = (number: number) => sheet.locator(`.revisions tr[data-revision="${number}"]`);
    const act = (action: string) => sheet.locator(`vscode-button[data-action=${action}]`).click();
    // Ready once a config map is there.
    const container = '/spec/template/spec/containers/0';
    const gate = [
      ['/spec/template/spec/volumes', [{ name: 'gate', configMap: { name: 'gate', optional: true } }]], [`${container}/volumeMounts`, [{ name: 'gate', mountPath: '/gate' }]],
      [`${container}/readinessProbe`, { exec: { command: ['cat', '/gate/open'] }, periodSeconds: 1 }],
    ].map(([path, value]) => ({ op: 'add', path, value }));
    home.kubectl('patch', 'dc', app, '--type=json', '-p', JSON.stringify(gate));
    await until(() => revision(4).getAttribute('data-state').catch(() => ''), 60_000).toBe('running');
    await sheet.locator('.pod[data-state=starting]').waitFor();
    await act('cancel');
    await user.confirm('Cancel Rollout');
    await until(() => revision(4).getAttribute('data-state'), 60_000).toBe('failed');
    await sheet.locator('vscode-button[data-action=retry]').waitFor();
    await sheet.locator('.facts', { hasText: '1 of 1 ready' }).waitFor({ timeout: 30_000 });
    expect(await ask(routeOf(home, 'default', app), '/')).toBe('hello from /');
    await shot('12-cancelled');
    home.kubectl('create', 'configmap', 'gate', '--from-literal=open=yes');
    await act('retry');
    await until(() => revision(4).getAttribute('data-state'), 60_000).toBe('current');
    await bench.choose('Slipway: Retry Rollout', app);
    await user.notification(`The last rollout of "${app}" did not fail, so there is nothing to try again.`).waitFor();
    await user.dismissNotifications();
    await bench.choose('Slipway: Roll Back…', app, 'Revision 2');
    await shot('12-roll-back');
    await user.confirm('Roll Back');
    await until(() => revision(5).getAttribute('data-state').catch(() => ''), 60_000).toBe('current');
    await until(() => ask(routeOf(home, 'default', app), '/')).toBe('second from /');
    await user.dismissNotifications();
  });

  test('the arrow keys scale, one pod a step', async () => {
    await user.inline(user.row('Projects', app).nth(1), 'Scale…');
    const asked = await user.asked(`Scale "${app}"`);
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowDown');
    await until(() => asked.locator('.quick-input-message').textContent(), 30_000).toContain('2 of 2 ready');
    expect(home.kubectl('get', 'dc', app, '-o', 'jsonpath={.spec.replicas}')).toBe('2');
    await shot('12-stepper');
    await user.answer('1');
    await until(() => home.kubectl('get', 'dc', app, '-o', 'jsonpath={.spec.replicas}')).toBe('1');
  });

  test('the pages are readable in a light theme, and 300 pixels wide', async () => {
    await bench.theme('Light Modern');
    await page.locator('.monaco-workbench.vs').waitFor();
    await bench.command('Slipway: Show Events');
    const pages: [selector: string, open: () => Promise<unknown>][] = [
      ['.revisions tr[data-revision]', () => user.inline(user.row('Projects', app).nth(1), 'Show Rollouts')],
      ['.shares .share', () => user.inline(user.row('Routes', app), 'Split Traffic…')],
      ['.events .event', () => Promise.resolve()],
    ];
    for (const [index, [selector, open]] of pages.entries()) {
      await open();
      await bench.webview(selector);
      await shot(`13-light-${index}`);
      await page.setViewportSize({ width: 660, height: 1100 });
      const frame = await bench.webview(selector);
      await until(() => frame.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBeLessThanOrEqual(0);
      await shot(`14-narrow-${index}`);
      await page.setViewportSize({ width: 1360, height: 1100 });
    }
  });

  test('pages whose platform was stopped say so, start it, and go on; one whose object is gone says that', async () => {
    await bench.command('View: Close All Editors');
    await user.inline(user.row('Projects', app).nth(1), 'Show Rollouts');
    const sheet = await bench.webview('.revisions tr[data-revision]');
    home.slipway('down');
    await sheet.locator('.problem', { hasText: 'Slipway is not connected' }).waitFor();
    const events = await bench.webview('.events');
    await events.locator('.problem vscode-button', { hasText: 'Start Slipway' }).waitFor();
    await shot('15-stopped');
    await sheet.locator('.problem vscode-button', { hasText: 'Start Slipway' }).click();
    await sheet.locator('.stepper').waitFor({ timeout: 30_000 });
    await until(() => sheet.locator('.problem').isVisible()).toBe(false);
    home.kubectl('delete', 'dc', app, '--wait=false');
    await sheet.locator('.problem', { hasText: `Deployment config "${app}" is gone.` }).waitFor();
    expect(await sheet.locator('.stepper').isVisible()).toBe(false);
    await bench.command('View: Close All Editors');
  });

  test('no page complained', () => Promise.resolve(noPageComplained(bench)));
});

/** A file that makes an event, as any controller would. */
function tell(folder: string, { kind, name, reason, message, type }: Record<'kind' | 'name' | 'reason' | 'message' | 'type', string>): string {
  const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  return written(folder, reason, { apiVersion: 'v1', kind: 'Event', metadata: { name: `${name}.${reason.toLowerCase()}`, namespace: 'default' }, involvedObject: { kind, name, namespace: 'default' }, reason, message, type, count: 3, firstTimestamp: now, lastTimestamp: now, source: { component: 'thermometer' } });
}

function written(folder: string, name: string, object: object): string {
  const file = path.join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(object));
  return file;
}
