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

  beforeAll(async () => {
    work = path.join(realpathSync(mkdtempSync(path.join(tmpdir(), 'slipway-running-'))), app);
    mkdirSync(work);
    writeFileSync(path.join(work, 'package.json'), JSON.stringify(manifest));
    writeFileSync(path.join(work, 'server.js'), server);
    home = testHome();
    home.slipway('up', '--detach');
    home.slipway('new-app', work, '--name', app);
    // The next version beside it, from the same image.
    const image = home.kubectl('get', 'dc', app, '-o', 'jsonpath={.spec.template.spec.containers[0].image}');
    home.kubectl('create', 'deployment', 'next', `--image=${image}`, '--port=8080');
    home.kubectl('set', 'env', 'deployment/next', 'GREETING=next');
    home.kubectl('expose', 'deployment', 'next');
    // As the route names it.
    home.kubectl('patch', 'service', 'next', '--type=json', '-p', '[{"op":"add","path":"/spec/ports/0/name","value":"8080-tcp"}]');
    bench = await openWorkbench({ folder: work, home: home.folder, settings: { 'debug.openDebug': 'neverOpen', 'debug.toolBarLocation': 'docked' } });
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
    // Asked at once: what comes between two pods waits for the next.
    expect(await ask(`http://localhost:${local}`, '/two')).toBe('hello from /two');
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
    await page.keyboard.press('ControlOrMeta+p');
    await user.quickInput.locator('input.input').fill('server.js');
    await user.quickInput.locator('.monaco-list-row', { hasText: 'server.js' }).first().click();
    await page.locator('.editor-instance .view-line', { hasText: 'const answer' }).click();
    await page.keyboard.press('F9');
    await page.locator('.codicon-debug-breakpoint, .codicon-debug-breakpoint-unverified').first().waitFor();
    await until(() => appPod().textContent(), 30_000).toContain('1/1');
    await user.inline(appPod(), 'Debug');
    await until(() => user.row('Port Forwards', /^localhost:/).textContent(), 30_000).toContain(':9229');
    // Asked until the debugger, which comes by and by, holds one of the requests.
    const url = routeOf(home, 'default', app);
    const answers: Promise<string>[] = [];
    await until(async () => {
      answers.push(ask(url, '/debugged'));
      return page.locator('.debug-top-stack-frame-line').count();
    }, 30_000).toBeGreaterThan(0);
    await page.locator('.tab.active', { hasText: 'server.js' }).waitFor();
    await shot('04-breakpoint');
    await bench.command('Debug: Disconnect');
    for (const answer of answers) expect(await answer).toBe('hello from /debugged');
    await user.row('Port Forwards', /^localhost:/).waitFor({ state: 'detached' });
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
    await act('resume');
    await sheet.locator('vscode-button[data-action=latest]').waitFor();
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

  test('no page complained', () => Promise.resolve(noPageComplained(bench)));
});

/** A file that makes an event, as any controller would. */
function tell(folder: string, { kind, name, reason, message, type }: Record<'kind' | 'name' | 'reason' | 'message' | 'type', string>): string {
  const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const file = path.join(folder, `${reason}.json`);
  const event = { apiVersion: 'v1', kind: 'Event', metadata: { name: `${name}.${reason.toLowerCase()}`, namespace: 'default' }, involvedObject: { kind, name, namespace: 'default' }, reason, message, type, count: 3, firstTimestamp: now, lastTimestamp: now, source: { component: 'thermometer' } };
  writeFileSync(file, JSON.stringify(event));
  return file;
}
