/**
 * The user's story in the real editor, in both languages: from the welcome view to a URL, then everything one does with an application that runs.
 * One window for each language; the tests follow each other as the story does.
 */
import type { Frame, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { ask, routeOf } from './support/ask.ts';
import { Driver } from './support/driver.ts';
import { everyControlIsNamed, noPageComplained, until } from './support/expectations.ts';
import { testHome, type TestHome } from './support/home.ts';
import { prepareSamples, type SampleName, type Samples } from './support/samples.ts';
import { story } from './support/story.ts';
import { texts } from './support/texts.ts';
import { openWorkbench, type Workbench } from './support/workbench.ts';

interface Chapter {
  language: string;
  /** Made from the open folder, and from a Git repository. */
  folder: SampleName;
  repository: SampleName;
}

const chapters: Chapter[] = [
  { language: 'en', folder: 'node-hello', repository: 'python-hello' },
  { language: 'zh-cn', folder: 'python-hello', repository: 'node-hello' },
];
const builders: Partial<Record<SampleName, RegExp>> = { 'node-hello': /Node\.js: package\.json/, 'python-hello': /Python: requirements\.txt/ };
const project = 'story';

describe.each(chapters)('the story of $folder in $language', ({ language, folder, repository }) => {
  const say = texts(language);
  const views = { projects: say('Projects'), pods: say('Pods'), services: say('Services'), routes: say('Routes'), builds: say('Builds') };
  let samples: Samples;
  let home: TestHome;
  let bench: Workbench;
  let page: Page;
  let user: Driver;

  const shot = (name: string) => bench.screenshot(`${language}-${name}`);
  const test = story(shot);

  beforeAll(async () => {
    samples = await prepareSamples();
    home = testHome();
    bench = await openWorkbench({ folder: samples.folder(folder), home: home.folder, language, environment: samples.environment, settings: { 'terminal.integrated.gpuAcceleration': 'off' } });
    page = bench.page;
    page.setDefaultTimeout(20_000);
    user = new Driver(page);
  });
  afterAll(async () => {
    await bench?.close();
    home?.remove();
    await samples?.close();
  });

  const appPod = (name: string) => user.row(views.pods, new RegExp(`^${name}-\\d+-(?!build$|deploy$)[a-z0-9]{5}$`));
  /** Rows out of sight are not in the page: with the window this tall all of them are. */
  const tall = async (run: () => Promise<void>) => {
    await page.setViewportSize({ width: 1280, height: 1500 });
    await run();
    await page.setViewportSize({ width: 1280, height: 800 });
  };
  const buildPanel = () => bench.webview('.steps');
  const states = (frame: Frame) => frame.locator('.step').evaluateAll((steps) => steps.map((step) => (step as HTMLElement).dataset.state));

  async function createFromGit(name: SampleName, port?: string): Promise<void> {
    await bench.command(`Slipway: ${say('Create App from Source…')}`);
    await user.asked(/\(1\//);
    await user.pick(say('Git repository…'));
    await user.answer(samples.git(name));
    await user.asked(/\(2\/5\)/);
    await user.answer();
    await user.asked(/\(3\/5\)/);
    await user.quickInput.locator('.monaco-list-row').first().waitFor();
    await page.keyboard.press('Enter');
    await user.asked(/\(4\/5\)/);
    await user.answer();
    await user.asked(/\(5\/5\)/);
    await user.answer(port);
  }

  test('the welcome view starts the platform', async () => {
    await user.openSidebar();
    const start = page.locator('.welcome-view-content a.monaco-button', { hasText: say('Start Slipway') });
    await start.waitFor();
    await shot('01-welcome');
    expect(await page.locator('.statusbar-item[id*="slipway"]:visible').count()).toBe(0);
    await start.click();
    await user.row(views.projects, 'default').waitFor();
    await user.expand(views.services);
    await user.row(views.services, 'kubernetes').waitFor();
    await shot('02-started');
    // The platform's own listeners are nobody's applications.
    expect(await user.notification(/6443|8080|8443/).count()).toBe(0);
  });

  test('a project is made and becomes the current one', async () => {
    await bench.command(`Slipway: ${say('Create Project…')}`);
    await user.asked(say('Create project'));
    await user.quickInput.locator('input.input').fill('No Name');
    await user.quickInput.locator('.quick-input-message', { hasText: say('Lower-case letters, digits and "-"; a letter or digit first and last.') }).waitFor();
    await user.answer(project);
    await user.row(views.projects, project).waitFor();
    await user.row(views.projects, say('Nothing runs here yet')).first().waitFor();
    await page.locator('.statusbar-item', { hasText: project }).waitFor();
    await shot('03-project');
  });

  test('an app is created from the open folder in four steps', async () => {
    await bench.command(`Slipway: ${say('Create App from Source…')}`);
    await user.asked(/\(1\/4\)/);
    await shot('04-source');
    await user.pick(say('open folder'));
    await user.asked(/\(2\/4\)/);
    const detected = user.quickInput.locator('.monaco-list-row').first();
    await detected.waitFor();
    expect(await detected.textContent()).toMatch(builders[folder] ?? /./);
    await shot('05-builder');
    await page.keyboard.press('Enter');
    await user.asked(/\(3\/4\)/);
    await user.quickInput.locator('input.input').fill('Bad_Name');
    await user.quickInput.locator('.quick-input-message', { hasText: 'bad-name' }).waitFor();
    await shot('06-name');
    await user.answer(folder);
    await user.asked(/\(4\/4\)/);
    await shot('07-port');
    await user.answer();
  });

  test('the build is watched through its nine steps', async () => {
    const panel = await buildPanel();
    await until(() => states(panel), 90_000).toEqual(Array.from({ length: 9 }, () => 'done'));
    expect(await panel.locator('.step').first().getAttribute('aria-label')).toBe(`${say('Source location')}: ${say('done')}`);
    expect(await panel.locator('.phase').textContent()).toBe(say('Complete'));
    await panel.locator('.row', { hasText: /\w/ }).first().waitFor();
    expect(await panel.locator('.rows').textContent()).not.toContain('::slipway-step');
    await shot('08-build');
  });

  test('one notification tells that it runs, and opens it through the editor\'s own address', async () => {
    const told = user.notification(say('"{0}" is built and runs.', folder));
    await told.waitFor({ timeout: 60_000 });
    await shot('09-notification');
    const [opened] = await Promise.all([page.context().waitForEvent('page'), user.press(told, say('Open in Browser'))]);
    await opened.waitForLoadState();
    expect(opened.url()).toMatch(/\/proxy\/\d+\//);
    expect(await opened.textContent('body')).toContain(`Hello from ${folder} 1.0.0`);
    await opened.close();
    expect(await user.notification(say('"{0}" is built and runs.', folder)).count()).toBe(0);
  });

  test('the trees show what was made', async () => {
    await user.expand(views.routes);
    await tall(async () => {
      await user.row(views.projects, folder).first().waitFor();
      // Application, deployment config, build config, service and route carry its name.
      await until(() => user.row(views.projects, folder).count()).toBe(5);
      await user.row(views.projects, new RegExp(`^${folder}-1-[a-z0-9]{5}$`)).waitFor();
      await until(() => appPod(folder).textContent()).toMatch(/1\/1/);
      expect(await user.row(views.pods, `${folder}-1-build`).textContent()).toContain(say('Completed'));
      expect(await user.row(views.pods, `${folder}-1-deploy`).textContent()).toContain(say('Completed'));
      expect(await user.row(views.services, folder).textContent()).toMatch(/172\.30\.\d+\.\d+ · 8080\/TCP/);
      expect(await user.row(views.routes, folder).textContent()).toContain(`${folder}-${project}.apps.localhost`);
      expect(await user.row(views.builds, `${folder}-1`).textContent()).toContain(say('Complete'));
      expect(await appPod(folder).getAttribute('aria-label')).toContain(say('Running'));
      await shot('10-trees');
    });
  });

  test('its log streams, is searched and paused', async () => {
    await user.inline(appPod(folder), say('Stream Logs'));
    const panel = await bench.webview('.chips .chip');
    await panel.locator('.row', { hasText: 'listens on port' }).waitFor();
    const url = routeOf(home, project, folder);
    await ask(url, '/one');
    await panel.locator('.row', { hasText: 'GET /one' }).waitFor();
    await panel.locator('.search input').fill('get /');
    await until(() => panel.locator('.count').textContent()).toMatch(/\d/);
    await panel.locator('.row.match.current').waitFor();
    await shot('11-logs');
    await panel.locator(`vscode-button[aria-label="${say('Follow')}"]`).click();
    await until(() => panel.locator(`vscode-button[aria-label="${say('Follow')}"]`).getAttribute('aria-pressed')).toBe('false');
    await ask(url, '/two');
    await panel.locator('.more', { hasText: /[1-9]/ }).waitFor();
    expect(await panel.locator('.row', { hasText: 'GET /two' }).count()).toBe(0);
    await panel.locator('.more').click();
    await panel.locator('.row', { hasText: 'GET /two' }).waitFor();
    await panel.locator('.search input').fill('');
    await panel.locator(`vscode-button[aria-label="${say('Timestamps')}"]`).click();
    await panel.locator('.rows.times .time').first().waitFor();
    await everyControlIsNamed(panel);
    await shot('12-logs-times');
  });

  test('a remote shell is a real terminal', async () => {
    await user.inline(appPod(folder), say('Open Remote Shell'));
    const rows = page.locator('.terminal-wrapper.active .xterm-rows');
    await rows.waitFor();
    const prompt = /[$#]\s*$/;
    await until(() => rows.innerText()).toMatch(prompt);
    const shell = async (command: string, answer: RegExp) => {
      await page.keyboard.type(`${command}\n`);
      await until(() => rows.innerText()).toMatch(answer);
      await until(() => rows.innerText()).toMatch(prompt);
    };
    await shell('echo answer-$((40+2)); ls --color=always -d /tmp', /answer-42/);
    await shell('stty size', /^\d+ \d+\s*$/m);
    const before = columns(await rows.innerText());
    await page.setViewportSize({ width: 1000, height: 800 });
    // The shell hears of its new size; asked until then.
    await expect.poll(async () => {
      await shell('clear; stty size', /^\d+ \d+\s*$/m);
      return columns(await rows.innerText());
    }, { timeout: 20_000, interval: 500 }).toBeLessThan(before);
    await page.setViewportSize({ width: 1280, height: 800 });
    await shell('true', prompt);
    await page.keyboard.type('sleep 100\n');
    await page.waitForTimeout(500);
    await page.keyboard.press('Control+c');
    await until(() => rows.innerText()).toMatch(/\^C\s[^]*[$#]\s*$/);
    await shell('echo after-$?', /after-130/);
    await shot('13-shell');
    await page.keyboard.type('exit 3\n');
    await user.notification(/3/).waitFor();
    await shot('14-shell-exit');
    await user.dismissNotifications();
  });

  test('it is scaled to two and back', async () => {
    const config = user.row(views.projects, folder).nth(1);
    await user.menu(config, say('Scale…'));
    await user.asked(say('Scale "{0}"', folder));
    await user.answer('2');
    await until(() => appPod(folder).count(), 30_000).toBe(2);
    await until(() => config.textContent(), 30_000).toContain('2/2');
    await shot('15-scaled');
    await user.inline(config, say('Scale…'));
    await user.asked(say('Scale "{0}"', folder));
    await user.answer('1');
    await until(() => appPod(folder).count(), 45_000).toBe(1);
  });

  test('its rollouts, the traffic of its route and what happens have pages', async () => {
    await user.inline(user.row(views.projects, folder).nth(1), say('Show Rollouts'));
    const rollouts = await bench.webview('.revisions tr[data-state=current]');
    await until(() => rollouts.locator('.phase').first().textContent()).toBe(say('complete'));
    expect(await rollouts.locator('.stands').last().textContent()).toBe(say('Current'));
    await until(() => rollouts.locator('vscode-button[appearance=primary]').allTextContents()).toEqual([say('Start Rollout')]);
    await everyControlIsNamed(rollouts);
    await bench.command(`Slipway: ${say('Show Events')}`);
    await (await bench.webview('.events .event')).locator('.event').first().waitFor();
    await shot('15-rollouts');
    await bench.command(`Slipway: ${say('Split Traffic…')}`);
    await user.pick(folder);
    await everyControlIsNamed(await bench.webview('.shares .share'));
    await shot('15-traffic');
    await bench.command('View: Close All Editors');
    await bench.command('View: Hide Panel');
  });

  test('it is described, and edited as YAML', async () => {
    await user.menu(appPod(folder), say('Describe'));
    await page.locator('.tab.active', { hasText: '.txt' }).waitFor();
    await page.locator('.view-lines', { hasText: 'Controlled' }).waitFor();
    await shot('16-describe');
    await user.menu(user.row(views.services, folder), say('Open as YAML'));
    await page.locator('.tab.active', { hasText: `${folder}.yaml` }).waitFor();
    await page.locator('.view-lines', { hasText: 'apiVersion' }).waitFor();
    await page.locator('.editor-instance .view-line', { hasText: 'sessionAffinity' }).click();
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await page.keyboard.type('publishNotReadyAddresses: true');
    await shot('17-yaml');
    // Longer than the editor waits before it saves by itself: a half-typed object must not reach the cluster.
    await page.waitForTimeout(1_500);
    await page.locator('.tab.active.dirty').waitFor();
    expect(home.kubectl('get', 'service', folder, '-n', project, '-o', 'jsonpath={.spec.publishNotReadyAddresses}')).toBe('');
    await page.keyboard.press('Control+s');
    await until(() => home.kubectl('get', 'service', folder, '-n', project, '-o', 'jsonpath={.spec.publishNotReadyAddresses}')).toBe('true');
    await bench.command('View: Close All Editors');
  });

  test('another app is created from a Git repository', async () => {
    await createFromGit(repository);
    const panel = await buildPanel();
    await until(() => panel.locator('.title').textContent()).toBe(`${repository}-1`);
    await until(() => states(panel), 90_000).toEqual(Array.from({ length: 9 }, () => 'done'));
    expect(await panel.locator('.head').textContent()).toContain(`Start ${repository}`);
    const told = user.notification(say('"{0}" is built and runs.', repository));
    await told.waitFor({ timeout: 60_000 });
    await shot('18-git-build');
    expect(await ask(routeOf(home, project, repository), '/')).toContain(`Hello from ${repository} 1.0.0`);
    await user.dismissNotifications();
  });

  test('a failing build shows the step, its last lines and what to do', async () => {
    await createFromGit('broken-node');
    const panel = await buildPanel();
    await panel.locator('.failure:visible').waitFor({ timeout: 60_000 });
    expect(await panel.locator('.failure').textContent()).toContain('the sources are broken on purpose');
    expect(await panel.locator('.step.failed').getAttribute('data-step')).toBe('Assemble');
    const told = user.notification('broken-node-1');
    await told.waitFor();
    await shot('19-failed');
    await user.press(told, say('Show Log'));
    await panel.locator('.row', { hasText: 'checking the sources' }).waitFor();
    await everyControlIsNamed(panel);
    await user.dismissNotifications();
  });

  test('a build is cancelled', async () => {
    await createFromGit('slow-node');
    const panel = await buildPanel();
    await panel.locator('.row', { hasText: 'taking my time' }).last().waitFor({ timeout: 60_000 });
    await shot('20-running');
    await panel.locator('vscode-button[data-action=cancel]').click();
    await until(() => panel.locator('.phase').textContent(), 30_000).toBe(say('Cancelled'));
    await tall(() => until(() => user.row(views.builds, 'slow-node-1').textContent()).toContain(say('Cancelled')));
    await shot('21-cancelled');
  });

  test('a deleted pod comes back', async () => {
    const name = (await appPod(folder).locator('.label-name').textContent()) ?? '';
    await user.menu(appPod(folder), say('Delete Pod'));
    await page.locator('.monaco-dialog-box', { hasText: name }).waitFor();
    await shot('22-delete-pod');
    await user.confirm(say('Delete'));
    await user.row(views.pods, name).waitFor({ state: 'detached', timeout: 45_000 });
    await until(() => appPod(folder).count(), 30_000).toBe(1);
    await until(() => appPod(folder).textContent(), 30_000).toContain('1/1');
  });

  test('the panels are readable in a light and a high-contrast theme, and 300 pixels wide', async () => {
    for (const [theme, name, mark] of [['Light Modern', 'light', 'vs'], ['Dark High Contrast', 'contrast', 'hc-black']] as const) {
      await bench.theme(theme);
      await page.locator(`.monaco-workbench.${mark}`).waitFor();
      await bench.command(`Slipway: ${say('Watch Build')}`);
      await user.pick('broken-node-1');
      const build = await buildPanel();
      await build.locator('.failure:visible').waitFor();
      await shot(`23-${name}-build`);
      await user.inline(appPod(folder), say('Stream Logs'));
      await (await bench.webview('.chips .chip')).locator('.row').first().waitFor();
      await shot(`24-${name}-logs`);
    }
    await bench.theme('Dark Modern');
    await page.setViewportSize({ width: 650, height: 900 });
    const logs = await bench.webview('.chips .chip');
    expect(await logs.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])).toSatisfy(([all, seen]: number[]) => (all ?? 0) <= (seen ?? 0));
    await shot('25-narrow-logs');
    await bench.command(`Slipway: ${say('Watch Build')}`);
    await user.pick('broken-node-1');
    const build = await buildPanel();
    await build.locator('.failure:visible').waitFor();
    expect(await build.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])).toSatisfy(([all, seen]: number[]) => (all ?? 0) <= (seen ?? 0));
    await shot('26-narrow-build');
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test('after stop and start the app answers again', async () => {
    await bench.command(`Slipway: ${say('Stop Slipway')}`);
    await user.confirm(say('Stop'));
    const start = page.locator('.welcome-view-content a.monaco-button', { hasText: say('Start Slipway') });
    await start.waitFor({ timeout: 60_000 });
    await shot('27-stopped');
    await start.click();
    await until(() => appPod(folder).textContent().catch(() => ''), 60_000).toContain('1/1');
    await until(() => ask(routeOf(home, project, folder), '/').catch(() => ''), 60_000).toContain(`Hello from ${folder} 1.0.0`);
    await shot('28-back');
  });

  test('an application is deleted with everything in it', async () => {
    const application = user.row(views.projects, 'broken-node').first();
    await tall(async () => {
      await user.menu(application, say('Delete Application…'));
      await user.confirm(say('Delete'));
      await user.row(views.projects, 'broken-node').first().waitFor({ state: 'detached', timeout: 30_000 });
      await user.row(views.builds, 'broken-node-1').waitFor({ state: 'detached', timeout: 30_000 });
    });
    expect(home.kubectl('get', 'bc,dc,svc,route,is', '-n', project, '-o', 'name')).not.toContain('broken-node');
  });

  test('a project is deleted by typing its name', async () => {
    await tall(async () => {
      await bench.command(`Slipway: ${say('Switch Project…')}`);
      await user.pick('default');
      // The current project is the first: rows change their places.
      await until(() => user.row(views.projects, 'default').textContent()).toContain(say('current'));
      await user.menu(user.row(views.projects, project), say('Delete Project…'));
      await user.asked(say('Delete project "{0}"', project));
    });
    await user.asked(say('Delete project "{0}"', project));
    await user.quickInput.locator('input.input').fill('stor');
    await user.quickInput.locator('.quick-input-message', { hasText: say('Type "{0}" to confirm.', project) }).waitFor();
    await shot('29-delete-project');
    await user.answer(project);
    await user.row(views.projects, project).waitFor({ state: 'detached', timeout: 60_000 });
    await shot('30-gone');
  });

  test('no page complained', () => Promise.resolve(noPageComplained(bench)));
});

/** What `stty size` said last. */
function columns(text: string): number {
  return Number([...text.matchAll(/^\d+ (\d+)\s*$/gm)].at(-1)?.[1]);
}
