/** Makes the pictures of the README from the running product: `node test/e2e/pictures.ts`, after a build. */
import { mkdirSync, statSync } from 'node:fs';
import { ask, routeOf } from './support/ask.ts';
import { Driver } from './support/driver.ts';
import { testHome } from './support/home.ts';
import { prepareSamples } from './support/samples.ts';
import { openWorkbench } from './support/workbench.ts';

const folder = 'media/readme';
const most = 150_000;
const window = { width: 1120, height: 760 };

const samples = await prepareSamples();
const home = testHome();
const bench = await openWorkbench({ folder: samples.folder('node-hello'), home: home.folder, environment: samples.environment, settings: { 'terminal.integrated.gpuAcceleration': 'off', 'debug.openDebug': 'neverOpen', 'debug.internalConsoleOptions': 'neverOpen', 'debug.toolBarLocation': 'docked', 'editor.minimap.enabled': false } });
const { page } = bench;
const user = new Driver(page);
page.setDefaultTimeout(60_000);

/** Without the frame of the editor: what is below its title. */
async function picture(name: string): Promise<void> {
  for (const frame of page.frames()) await frame.evaluate(async () => void (await document.fonts.ready)).catch(() => undefined);
  const path = `${folder}/${name}.png`;
  await page.screenshot({ path, clip: { x: 0, y: 30, width: window.width, height: window.height - 30 } });
  const { size } = statSync(path);
  if (size > most) throw new Error(`${path} has ${size} bytes, more than ${most}`);
  console.log(`${path} ${Math.round(size / 1024)} kB`);
}

try {
  mkdirSync(folder, { recursive: true });
  await page.setViewportSize(window);
  await user.openSidebar();
  await page.locator('.welcome-view-content a.monaco-button', { hasText: 'Start Slipway' }).click();
  await user.row('Projects', 'default').waitFor();
  await bench.command('Slipway: Create Project…');
  await user.answer('shop');
  await user.row('Projects', 'shop').waitFor();
  await bench.command('Slipway: Create App from Source…');
  await user.asked(/\(1\/4\)/);
  await user.pick('open folder');
  await user.asked(/\(2\/4\)/);
  await user.quickInput.locator('.monaco-list-row').first().waitFor();
  await page.keyboard.press('Enter');
  await user.asked(/\(3\/4\)/);
  await user.answer('web');
  await user.asked(/\(4\/4\)/);
  await user.answer();
  const told = user.notification('"web" is built and runs.');
  await told.waitFor();
  const build = await bench.webview('.steps');
  await build.locator('.step').first().scrollIntoViewIfNeeded();
  // All nine steps at a glance.
  await panelHeight(390);
  await page.mouse.move(700, 200);
  await page.waitForTimeout(1_000);
  await picture('build');
  await user.dismissNotifications();
  await user.inline(user.row('Pods', /^web-1-(?!build$|deploy$)/), 'Stream Logs');
  const logs = await bench.webview('.chips .chip');
  for (const path of ['/', '/healthz', '/cart', '/']) await ask(routeOf(home, 'shop', 'web'), path);
  await logs.locator('.row', { hasText: '/cart' }).waitFor();
  await logs.locator('.search input').fill('get');
  await page.mouse.move(700, 200);
  await page.waitForTimeout(1_000);
  await picture('logs');
  await afterwards();
} finally {
  await bench.close();
  home.remove();
  await samples.close();
}

/** Moves the bar between editor and panel. */
async function panelHeight(height: number): Promise<void> {
  const box = await page.locator('.monaco-sash.horizontal').last().boundingBox();
  if (box) await page.mouse.move(box.x + box.width / 2, box.y + 2);
  await page.mouse.down();
  await page.mouse.move(700, window.height - height, { steps: 5 });
  await page.mouse.up();
}

/** What one does with it once it runs. */
async function afterwards(): Promise<void> {
  const kubectl = (...args: string[]) => home.kubectl(...args, '-n', 'shop');
  const still = async (name: string) => {
    await bench.command('Notifications: Clear All Notifications');
    await page.mouse.move(900, 500);
    await page.waitForTimeout(1_000);
    await picture(name);
  };
  const collapse = async (...views: string[]) => {
    for (const view of views) await page.locator('.sidebar .pane-header[aria-expanded=true]', { hasText: view }).click({ timeout: 2_000 }).catch(() => undefined);
  };
  // A rollout on its way, slow enough to be seen.
  kubectl('patch', 'dc', 'web', '--type=merge', '-p', JSON.stringify({ spec: { replicas: 4, minReadySeconds: 3 } }));
  await collapse('Services', 'Builds');
  await bench.command('Slipway: Show Events');
  await (await bench.webview('.events .event')).locator('.event').first().waitFor();
  await bench.choose('Slipway: Show Rollouts', 'web');
  await panelHeight(235);
  const rollouts = await bench.webview('.revisions tr[data-revision]');
  await rollouts.locator('.facts', { hasText: '4 of 4 ready' }).waitFor();
  kubectl('patch', 'dc', 'web', '--type=json', '-p', '[{"op":"add","path":"/spec/template/spec/containers/0/env","value":[{"name":"GREETING","value":"two"}]}]');
  await rollouts.locator('.group', { hasText: 'Revision 2' }).locator('.pod').nth(1).waitFor();
  await still('rollout');
  await rollouts.locator('.revisions tr[data-revision="2"][data-state=current]').waitFor();
  // Another version beside it, and a third of the requests for it.
  const image = kubectl('get', 'dc', 'web', '-o', 'jsonpath={.spec.template.spec.containers[0].image}');
  kubectl('create', 'deployment', 'web-next', `--image=${image}`, '--port=8080');
  kubectl('expose', 'deployment', 'web-next');
  // As the route names it.
  kubectl('patch', 'service', 'web-next', '--type=json', '-p', '[{"op":"add","path":"/spec/ports/0/name","value":"8080-tcp"}]');
  await bench.command('View: Close All Editors');
  await bench.command('View: Hide Panel');
  await bench.choose('Slipway: Split Traffic…', 'web');
  const shares = await bench.webview('.shares .share');
  await shares.locator('vscode-button', { hasText: 'Add' }).click();
  await shares.locator('.share[data-service="web-next"] input[type=number]').fill('30');
  await page.keyboard.press('Tab');
  await still('traffic');
  // Held at a breakpoint, with the forward that leads to it.
  await bench.command('View: Close All Editors');
  kubectl('scale', 'dc/web', '--replicas=1');
  await collapse('Projects', 'Routes');
  await user.expand('Port Forwards');
  await page.keyboard.press('ControlOrMeta+p');
  await user.quickInput.locator('input.input').fill('server.js');
  await user.quickInput.locator('.monaco-list-row', { hasText: 'server.js' }).first().click();
  await page.locator('.editor-instance .view-line', { hasText: 'const status' }).click();
  await page.keyboard.press('F9');
  await user.inline(user.row('Pods', /^web-2-(?!deploy$)/).first(), 'Debug');
  const answers: Promise<unknown>[] = [];
  while ((await page.locator('.debug-top-stack-frame-line').count()) === 0) {
    answers.push(ask(routeOf(home, 'shop', 'web'), '/cart').catch(() => undefined));
    await page.waitForTimeout(500);
  }
  // The editor's own extension for JavaScript, which misses its server here.
  await user.notification('tsserver').waitFor({ timeout: 10_000 }).catch(() => undefined);
  await still('debug');
  await bench.command('Debug: Disconnect');
  await Promise.all(answers);
}
