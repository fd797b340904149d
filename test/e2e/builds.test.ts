/** Builds and images in the real editor: problems on files, several builds at once, comparing, webhooks, image layers, and what a save does. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Frame, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { ask, routeOf } from './support/ask.ts';
import { Driver } from './support/driver.ts';
import { everyControlIsNamed, noPageComplained, until } from './support/expectations.ts';
import { testHome, type TestHome } from './support/home.ts';
import { story } from './support/story.ts';
import { openWorkbench, type Workbench } from './support/workbench.ts';

const app = 'web';
const manifest = { name: app, version: '1.0.0', private: true, scripts: { build: 'node --check server.js', start: 'node server.js' } };
const server = (greeting: string) => `const http = require('node:http');\nconst greeting = '${greeting}';\nhttp.createServer((request, response) => response.end(greeting)).listen(process.env.PORT);\n`;

describe('builds and images', () => {
  let work: string;
  let home: TestHome;
  let bench: Workbench;
  let page: Page;
  let user: Driver;

  const shot = (name: string) => bench.screenshot(`builds-${name}`);
  const test = story(shot);
  const write = (file: string, text: string) => writeFileSync(path.join(work, file), text);
  const build = (number: number) => user.row('Builds', `${app}-${number}`);
  const panel = () => bench.webview('.steps');
  /** Lets the server greet otherwise, in the editor. */
  const edit = async (greeting: string) => {
    await bench.command('View: Close All Editors');
    await page.keyboard.press('ControlOrMeta+p');
    await user.quickInput.locator('input.input').fill('server.js');
    await user.quickInput.locator('.monaco-list-row', { hasText: 'server.js' }).first().click();
    await page.locator('.editor-instance .view-line', { hasText: 'const greeting' }).click();
    await page.keyboard.press('End');
    await page.keyboard.press('Shift+Home');
    await page.keyboard.type(`const greeting = "${greeting}";`);
    await page.keyboard.press('ControlOrMeta+s');
  };
  const lastBuild = () => Number(home.kubectl('get', 'bc', app, '-o', 'jsonpath={.status.lastVersion}'));
  const phase = (frame: Frame) => frame.locator('.phase').textContent();
  const ended = async (number: number, state: string) => until(() => build(number).getAttribute('aria-label'), 60_000).toContain(state);

  beforeAll(async () => {
    work = path.join(realpathSync(mkdtempSync(path.join(tmpdir(), 'slipway-builds-'))), app);
    mkdirSync(work);
    write('package.json', JSON.stringify(manifest));
    write('server.js', server('one'));
    home = testHome();
    home.slipway('up', '--detach');
    bench = await openWorkbench({ folder: work, home: home.folder });
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

  test('an app is made from the open folder', async () => {
    await user.openSidebar();
    await user.row('Projects', 'default').waitFor();
    await bench.command('Slipway: Create App from Source…');
    await user.asked(/\(1\/4\)/);
    await user.pick('open folder');
    await user.asked(/\(2\/4\)/);
    await user.quickInput.locator('.monaco-list-row').first().waitFor();
    await page.keyboard.press('Enter');
    await user.asked(/\(3\/4\)/);
    await user.answer();
    await user.asked(/\(4\/4\)/);
    await user.answer();
    // A build that runs counts its seconds in its row.
    await until(() => build(1).textContent()).toMatch(/Running · \d+ s/);
    await shot('01-running');
    await user.notification('"web" is built and runs.').waitFor({ timeout: 60_000 });
    await user.dismissNotifications();
  });

  test('a failed build puts its problems on the files, until one succeeds', async () => {
    write('server.js', `${server('two')}const broken = ;\n`);
    await user.inline(user.row('Builds', app), 'Start Build');
    await ended(2, 'Failed');
    const frame = await panel();
    await frame.locator('.failure:visible').waitFor();
    await frame.locator('.place', { hasText: 'server.js:4' }).first().click();
    await page.locator('.tab.active', { hasText: 'server.js' }).waitFor();
    await page.locator('.statusbar-item', { hasText: 'Ln 4, Col' }).waitFor();
    await page.locator('.editor-instance .squiggly-error').first().waitFor();
    await user.dismissNotifications();
    await bench.command('Problems: Focus on Problems View');
    await page.locator('.markers-panel .monaco-list-row', { hasText: /Unexpected token ';'.*node \(web-2\)/ }).waitFor();
    await shot('02-problem');
    write('server.js', server('three'));
    await user.inline(user.row('Builds', app), 'Start Build');
    await ended(3, 'Complete');
    await until(() => page.locator('.editor-instance .squiggly-error').count()).toBe(0);
    await user.dismissNotifications();
    await bench.command('View: Close All Editors');
  });

  test('two builds are compared', async () => {
    await build(3).click();
    await build(2).click({ modifiers: ['ControlOrMeta'] });
    await user.menu(build(2), 'Compare Builds…');
    await page.locator('.tab.active', { hasText: 'Build web-2 ↔ web-3' }).waitFor();
    await page.locator('.monaco-diff-editor .view-lines', { hasText: 'Assemble' }).first().waitFor();
    await shot('03-compare');
    await bench.command('View: Close All Editors');
  });

  test('several builds are followed, and cancelled together', async () => {
    write('package.json', JSON.stringify({ ...manifest, scripts: { ...manifest.scripts, build: 'node -e "console.log(\'taking my time\'); setTimeout(() => {}, 120000)"' } }));
    await user.inline(user.row('Builds', app), 'Start Build');
    await until(() => build(4).textContent(), 30_000).toContain('Running');
    await user.inline(user.row('Builds', app), 'Start Build');
    await build(5).waitFor();
    const frame = await panel();
    await until(() => frame.locator('.chip').count()).toBe(2);
    await frame.locator('.chip [role=tab]', { hasText: 'web-4' }).click();
    await frame.locator('.row', { hasText: 'taking my time' }).last().waitFor();
    await shot('04-followed');
    await build(4).click();
    await build(5).click({ modifiers: ['ControlOrMeta'] });
    await user.menu(build(5), 'Cancel Build');
    await ended(4, 'Cancelled');
    await ended(5, 'Cancelled');
    write('package.json', JSON.stringify(manifest));
    await everyControlIsNamed(frame);
  });

  test('a build from a folder is started with options', async () => {
    await bench.choose('Slipway: Start Build with Options…', app);
    await user.asked('Start a build of "web"');
    await shot('05-options');
    await user.quickInput.locator('.monaco-list-row').first().waitFor();
    await page.keyboard.press('Enter');
    await ended(6, 'Complete');
    expect(await phase(await panel())).toBe('Complete');
    await user.dismissNotifications();
  });

  test('a Dockerfile build is started with options, and shows the instruction it is at', async () => {
    writeFileSync(path.join(path.dirname(work), 'docker.json'), JSON.stringify({
      apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name: 'plain', namespace: 'default' },
      spec: { source: { type: 'Dockerfile', dockerfile: 'FROM scratch\nARG WHO=nobody\nCOPY Dockerfile /etc/\nLABEL made=$WHO\n' }, strategy: { type: 'Docker', dockerStrategy: {} } },
    }));
    home.kubectl('apply', '-f', path.join(path.dirname(work), 'docker.json'));
    await user.row('Builds', 'plain').waitFor();
    await bench.choose('Slipway: Start Build with Options…', 'plain');
    await user.asked(/\(1\/4\)/);
    await user.pick('As the build config says');
    await user.asked(/\(2\/4\)/);
    await user.pick('No cache');
    await user.asked(/\(3\/4\)/);
    await user.answer('WHO="me too"');
    await user.asked(/\(4\/4\)/);
    await shot('15-options');
    await user.answer('PLACE=here');
    await until(() => user.row('Builds', 'plain-1').getAttribute('aria-label'), 60_000).toContain('Complete');
    const frame = await panel();
    await until(() => frame.locator('.title').textContent()).toBe('plain-1');
    expect(await frame.locator('.step').evaluateAll((steps) => steps.map((step) => (step as HTMLElement).dataset.step))).toEqual(['SourceLocation', 'BuilderImage', 'BuildInstantiated', 'SourceFetched', 'Dockerfile', 'ImageCommitted', 'ImagePushed', 'ImageStreamUpdated']);
    expect(await frame.locator('.head').textContent()).toContain('Docker');
    await until(() => frame.locator('.step[data-step=Dockerfile] .detail').textContent()).toMatch(/^(\d)\/\1 LABEL/);
    await user.notification('"plain" is built.').waitFor();
    await shot('16-docker');
    await user.dismissNotifications();
    const { dockerStrategy } = (JSON.parse(home.kubectl('get', 'build', 'plain-1', '-o', 'json')) as { spec: { strategy: { dockerStrategy: object } } }).spec.strategy;
    expect(dockerStrategy).toMatchObject({ noCache: true, buildArgs: [{ name: 'WHO', value: 'me too' }], env: [{ name: 'PLACE', value: 'here' }] });
    home.kubectl('delete', 'bc', 'plain', '-n', 'default');
    await user.row('Builds', 'plain').waitFor({ state: 'detached' });
  });

  test('an app is made from the Dockerfile of the open folder', async () => {
    write('Dockerfile', 'FROM docker-registry.default.svc:5000/openshift/nodejs:latest\nCOPY server.js /srv/\nENV PORT=8080\nEXPOSE 8080\nCMD ["node", "/srv/server.js"]\n');
    await bench.command('Slipway: Create App from Source…');
    await user.asked(/\(1\/4\)/);
    await user.pick('open folder');
    await user.asked(/\(2\/4\)/);
    const first = user.quickInput.locator('.monaco-list-row').first();
    await until(() => first.textContent()).toContain('Dockerfile');
    await shot('18-dockerfile');
    await user.pick('Dockerfile');
    await user.asked(/\(3\/4\)/);
    await user.answer('boxed');
    await user.asked(/\(4\/4\)/);
    await user.answer();
    await user.notification('"boxed" is built and runs.').waitFor({ timeout: 60_000 });
    expect(await (await panel()).locator('.head').textContent()).toContain('Docker');
    await until(() => ask(routeOf(home, 'default', 'boxed'), '/')).toBe('three');
    expect(home.kubectl('get', 'bc', 'boxed', '-o', 'jsonpath={.spec.strategy.type}')).toBe('Docker');
    await shot('19-boxed');
    await user.dismissNotifications();
    home.kubectl('delete', 'bc/boxed', 'dc/boxed', 'service/boxed', 'route/boxed', 'is/boxed', '--wait=false');
    rmSync(path.join(work, 'Dockerfile'));
  });

  test('a webhook is added, and its URL copied', async () => {
    await bench.choose('Slipway: Copy Webhook URL…', app);
    await user.asked('Webhook URL of "web"');
    await shot('06-webhook');
    await user.pick('Generic');
    await page.locator('.statusbar-item', { hasText: 'webhook URL of "web" is copied' }).waitFor();
    const url = await page.evaluate(() => navigator.clipboard.readText());
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/apis\/build\.openshift\.io\/v1\/namespaces\/default\/buildconfigs\/web\/webhooks\/[0-9a-f]{40}\/generic$/);
    // Who knows it is heard (this app's source is sent with each build, so it is told so), who does not is not.
    const post = (to: string) => spawnSync('curl', ['--silent', '--insecure', '--request', 'POST', to], { encoding: 'utf8' }).stdout;
    expect(post(url)).toContain('instantiatebinary');
    expect(post(url.replace(/[0-9a-f]{40}/, 'guessed'))).toMatch(/Unauthorized|Forbidden/);
  });

  test('an image is seen to its layers, tagged and rolled back', async () => {
    await user.expand('Images');
    await user.row('Images', app).click();
    await user.row('Images', 'latest').click();
    const images = user.view('Images').locator('.monaco-list-row', { has: page.locator('.label-name', { hasText: /^[0-9a-f]{12}$/ }) });
    await until(() => images.count()).toBe(3);
    await images.first().click();
    await page.locator('.tab.active', { hasText: `${app}@sha256` }).waitFor();
    await page.locator('.editor-instance .view-lines', { hasText: 'DeploymentConfig' }).waitFor();
    await images.first().locator('.monaco-tl-twistie').click();
    await user.view('Images').locator('.monaco-list-row[aria-label*=assemble]').waitFor();
    await shot('07-image');
    await bench.command('View: Close All Editors');
    await images.first().locator('.monaco-tl-twistie').click();
    await user.menu(images.first(), 'Tag Image…');
    await user.asked('Tag "web:latest"');
    await user.answer('web:v1');
    await until(() => user.row('Images', app).textContent()).toContain('latest, v1');
    const past = await images.nth(1).locator('.label-name').textContent();
    await user.menu(images.nth(1), 'Roll Back to This Image…');
    await shot('08-roll-back');
    await user.confirm('Roll Back');
    await until(() => user.row('Images', 'latest').textContent()).toContain(past ?? '');
    await shot('09-tags');
  });

  test('an image is imported, and one that cannot be is told with its reason', async () => {
    const registry = home.kubectl('get', 'is', 'nodejs', '-n', 'openshift', '-o', 'jsonpath={.status.publicDockerImageRepository}');
    await user.expand('Images');
    const bring = async (pullSpec: string, name: string) => {
      await bench.command('Slipway: Import Image…');
      await user.asked(/\(1\/3\)/);
      await user.answer(pullSpec);
      await user.asked(/\(2\/3\)/);
      await user.answer(name);
      await user.asked(/\(3\/3\)/);
      await user.pick('Once, from a registry without a valid certificate');
    };
    await bring(`${registry}:latest`, 'base:v1');
    await until(() => user.row('Images', 'base').textContent()).toContain('v1');
    await bring('127.0.0.1:1/team/gone:1', 'gone:1');
    const told = user.notification('"127.0.0.1:1/team/gone:1" could not be imported');
    await told.waitFor();
    await user.row('Images', 'gone').click();
    await until(() => user.row('Images', '1').textContent()).toContain('import failed');
    await shot('17-import');
    await user.dismissNotifications();
  });

  test('a save makes a new build', async () => {
    const before = lastBuild();
    await user.menu(user.row('Projects', app).first(), 'Rebuild on Save');
    await until(() => user.row('Builds', app).textContent()).toContain('on save');
    await page.locator('.statusbar-item[aria-label*="Rebuild on Save: web"]').waitFor();
    await edit('saved');
    await ended(before + 1, 'Complete');
    await until(() => ask(routeOf(home, 'default', app), '/'), 60_000).toBe('saved');
    await shot('10-on-save');
  });

  test('a save is synced into the containers that run, also into the next ones', async () => {
    mkdirSync(path.join(work, '.vscode'), { recursive: true });
    write('.vscode/settings.json', JSON.stringify({ 'slipway.rebuildOnSave': 'sync' }));
    const told = user.notification('does not run in development mode');
    // The editor notices the file when its watcher does: until then a save still builds.
    let saves = 0;
    await until(async () => {
      saves += 1;
      await edit(`synced ${saves}`);
      return told.waitFor({ timeout: 5_000 }).then(() => true, () => false);
    }, 60_000).toBe(true);
    const before = lastBuild();
    await shot('11-development');
    await user.press(told, 'Set DEV_MODE');
    const url = routeOf(home, 'default', app);
    // Containers that replace the others hold what was built; what was saved since follows by itself.
    await until(() => ask(url, '/').catch(() => ''), 60_000).toBe(`synced ${saves}`);
    await edit('synced again');
    await until(() => ask(url, '/').catch(() => ''), 30_000).toBe('synced again');
    expect(lastBuild()).toBe(before);
    await shot('12-synced');
  });

  test('a build that was started elsewhere puts its problems on the files, too, and nobody opens it', async () => {
    await bench.command('View: Close All Editors');
    write('server.js', `${server('elsewhere')}const broken = ;\n`);
    home.slipway('start-build', app, '--from-dir', work);
    const next = lastBuild();
    await until(() => home.kubectl('get', 'build', `${app}-${next}`, '-o', 'jsonpath={.status.phase}'), 60_000).toBe('Failed');
    await bench.command('Problems: Focus on Problems View');
    await page.locator('.markers-panel .monaco-list-row', { hasText: new RegExp(`Unexpected token ';'.*node \\(${app}-${next}\\)`) }).waitFor();
    await shot('13-elsewhere');
    write('server.js', server('mended'));
    home.slipway('start-build', app, '--from-dir', work);
    await until(() => page.locator('.markers-panel .monaco-list-row', { hasText: 'Unexpected token' }).count(), 60_000).toBe(0);
    await user.dismissNotifications();
  });

  test('all of it is readable in a light theme and 300 pixels wide', async () => {
    await bench.theme('Light Modern');
    await page.locator('.monaco-workbench.vs').waitFor();
    await bench.choose('Slipway: Watch Build', 'web-2');
    const frame = await panel();
    await frame.locator('.failure:visible').waitFor();
    await frame.locator('.place').first().waitFor();
    await shot('14-light');
    await page.setViewportSize({ width: 650, height: 1100 });
    expect(await frame.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])).toSatisfy(([all, seen]: number[]) => (all ?? 0) <= (seen ?? 0));
    await shot('15-narrow');
    await page.setViewportSize({ width: 1360, height: 1100 });
  });

  test('no page complained', () => Promise.resolve(noPageComplained(bench)));
});
