/** Makes the pictures of the README from the running product: `node test/e2e/pictures.ts`, after a build. */
import { mkdirSync, statSync } from 'node:fs';
import { Driver } from './support/driver.ts';
import { testHome } from './support/home.ts';
import { prepareSamples } from './support/samples.ts';
import { openWorkbench } from './support/workbench.ts';

const folder = 'media/readme';
const most = 150_000;
const window = { width: 1120, height: 760 };

const samples = await prepareSamples();
const home = testHome();
const bench = await openWorkbench({ folder: samples.folder('node-hello'), home: home.folder, environment: samples.environment, settings: { 'terminal.integrated.gpuAcceleration': 'off' } });
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
  await page.mouse.move(700, 600);
  await page.waitForTimeout(1_500);
  await picture('create');
  await page.keyboard.press('Enter');
  await user.asked(/\(3\/4\)/);
  await user.answer('web');
  await user.asked(/\(4\/4\)/);
  await user.answer();
  const told = user.notification('"web" is built and runs.');
  await told.waitFor();
  const build = await bench.webview('.steps');
  await build.locator('.step').first().scrollIntoViewIfNeeded();
  // The bar between editor and panel, higher: all nine steps at a glance.
  const bar = page.locator('.monaco-sash.horizontal').last();
  const box = await bar.boundingBox();
  if (box) await page.mouse.move(box.x + box.width / 2, box.y + 2);
  await page.mouse.down();
  await page.mouse.move(700, window.height - 390, { steps: 5 });
  await page.mouse.up();
  await page.mouse.move(700, 200);
  await page.waitForTimeout(1_000);
  await picture('build');
  await user.dismissNotifications();
  await user.inline(user.row('Pods', /^web-1-(?!build$|deploy$)/), 'Stream Logs');
  const logs = await bench.webview('.chips .chip');
  for (const path of ['/', '/healthz', '/cart', '/']) await fetchThrough(path);
  await logs.locator('.row', { hasText: '/cart' }).waitFor();
  await logs.locator('.search input').fill('get');
  await page.mouse.move(700, 200);
  await page.waitForTimeout(1_000);
  await picture('logs');
} finally {
  await bench.close();
  home.remove();
  await samples.close();
}

async function fetchThrough(path: string): Promise<void> {
  const { router } = JSON.parse(home.slipway('status', '--output', 'json')) as { router: { http: string } };
  const { request } = await import('node:http');
  await new Promise<void>((resolve, reject) => {
    request({ host: '127.0.0.1', port: new URL(router.http).port, path, headers: { host: 'web-shop.apps.localhost' }, agent: false }, (response) => response.resume().on('end', resolve)).on('error', reject).end();
  });
}
