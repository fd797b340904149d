/** Windows and clusters: an untrusted workspace, a second platform as an ordinary cluster of the kubeconfig, an idle minute, two windows on one control plane. */
import { existsSync, readFileSync, realpathSync, mkdtempSync, cpSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFailed, test as plainTest } from 'vitest';
import { Driver } from './support/driver.ts';
import { until } from './support/expectations.ts';
import { testHome, type TestHome } from './support/home.ts';
import { plainCluster, type PlainCluster } from './support/plain-cluster.ts';
import { openWorkbench, type Workbench } from './support/workbench.ts';

/** An idle minute, shortened: whatever polls does so more often than that. */
const idleMs = 20_000;

interface RequestLine {
  time: string;
  method: string;
  path: string;
  user: string;
}

describe('windows and clusters', () => {
  let work: string;
  let requestLog: string;
  let here: TestHome;
  let there: TestHome;
  let plain: PlainCluster;
  let bench: Workbench;
  let page: Page;
  let user: Driver;
  const name = `other-${process.pid}`;

  const test = (title: string, run: () => Promise<void>) => plainTest(title, async () => {
    onTestFailed(() => bench.screenshot(`windows-failed-${title.replace(/\W+/g, '-').slice(0, 40)}`));
    await run();
  });

  beforeAll(async () => {
    work = realpathSync(mkdtempSync(path.join(tmpdir(), 'slipway-windows-')));
    requestLog = path.join(work, 'requests.jsonl');
    const site = path.join(work, 'site');
    cpSync('test/fixtures/apps/static-hello', site, { recursive: true });
    here = testHome({ SLIPWAY_REQUEST_LOG: requestLog });
    there = testHome();
    here.slipway('up', '--detach');
    there.slipway('up', '--detach');
    there.slipway('new-app', site, '--name', 'faraway');
    // The user's kubeconfig names the second platform like any other cluster, and one that is not there.
    const kubeconfig = path.join(work, 'kubeconfig');
    cpSync(there.kubeconfig, kubeconfig);
    const [context] = there.kubectl('config', 'get-contexts', '-o', 'name').trim().split('\n');
    const change = (...args: string[]) => there.kubectl('config', '--kubeconfig', kubeconfig, ...args);
    change('rename-context', context ?? '', name);
    change('set-cluster', 'nowhere', '--server=https://127.0.0.1:1');
    change('set-context', 'nowhere', '--cluster=nowhere');
    const { clusters: [cluster] } = JSON.parse(there.kubectl('config', 'view', '--raw', '-o', 'json')) as { clusters: { cluster: { server: string; 'certificate-authority-data': string } }[] };
    there.kubectl('create', 'serviceaccount', 'visitor', '-n', 'default');
    there.kubectl('create', 'clusterrolebinding', 'visitor', '--clusterrole=cluster-admin', '--serviceaccount=default:visitor');
    plain = await plainCluster(cluster?.cluster.server ?? '', Buffer.from(cluster?.cluster['certificate-authority-data'] ?? '', 'base64'), there.kubectl('create', 'token', 'visitor', '-n', 'default').trim());
    change('set-cluster', 'plain', `--server=${plain.server}`);
    change('set-context', 'plain', '--cluster=plain');
    bench = await openWorkbench({
      folder: site, home: here.folder, environment: { KUBECONFIG: kubeconfig }, workspaceTrust: true,
      settings: { 'security.workspace.trust.startupPrompt': 'never', 'security.workspace.trust.banner': 'never' },
    });
    page = bench.page;
    page.setDefaultTimeout(20_000);
    user = new Driver(page);
  });
  afterAll(async () => {
    await bench?.close();
    await plain?.close();
    here?.remove();
    there?.remove();
    if (work) rmSync(work, { recursive: true, force: true });
  });

  test('a platform that runs already is joined, without a click', async () => {
    await user.openSidebar();
    await user.row('Projects', 'default').waitFor();
    await page.locator('.statusbar-item', { hasText: 'default' }).waitFor();
  });

  test('building asks for a trusted workspace', async () => {
    await bench.command('Slipway: Create App from Source…');
    const told = user.notification('needs a trusted workspace');
    await told.waitFor();
    await bench.screenshot('windows-01-trust');
    await user.press(told, 'Manage Workspace Trust');
    await page.locator('.workspace-trust-editor').waitFor();
    await page.locator('.workspace-trust-editor .monaco-button', { hasText: /^Trust$/ }).click();
    await bench.command('Slipway: Create App from Source…');
    await user.asked(/\(1\/4\)/);
    await page.keyboard.press('Escape');
    await bench.command('View: Close All Editors');
  });

  test('a cluster that is not there is told as such, with ways out', async () => {
    await bench.command('Slipway: Switch Cluster…');
    await user.asked('Choose a cluster');
    await bench.screenshot('windows-02-clusters');
    await user.pick('nowhere');
    await user.row('Projects', /Cluster "nowhere" cannot be reached/).waitFor();
    await user.notification('Cluster "nowhere" cannot be reached').waitFor();
    await bench.screenshot('windows-03-nowhere');
    await user.dismissNotifications();
  });

  test('the second platform is shown as any cluster: trees, log, shell, YAML', async () => {
    await bench.command('Slipway: Switch Cluster…');
    await user.asked('Choose a cluster');
    await user.pick(name);
    const pod = user.row('Pods', /^faraway-1-(?!build$|deploy$)[a-z0-9]{5}$/);
    await pod.waitFor();
    await page.locator(`.statusbar-item[aria-label*='cluster "${name}"']`).waitFor();
    await user.row('Projects', 'faraway').first().waitFor();
    await user.inline(pod, 'Stream Logs');
    await (await bench.webview('.chips .chip')).locator('.row').first().waitFor();
    await user.inline(pod, 'Open Remote Shell');
    const rows = page.locator('.terminal-wrapper.active .xterm-rows, .terminal-wrapper.active .xterm-screen');
    await rows.first().waitFor();
    await user.menu(pod, 'Open as YAML');
    await page.locator('.tab.active', { hasText: '.yaml' }).waitFor();
    await page.locator('.view-lines', { hasText: 'faraway' }).first().waitFor();
    await bench.screenshot('windows-04-other-cluster');
    await bench.command('View: Close All Editors');
  });

  test('a plain Kubernetes: what it does not have is not shown, and said once', async () => {
    const header = (view: string) => page.locator('.pane-header', { hasText: view });
    await header('Builds').waitFor();
    await bench.command('Slipway: Switch Cluster…');
    await user.asked('Choose a cluster');
    await user.pick('plain');
    await page.locator(`.statusbar-item[aria-label*='cluster "plain"']`).waitFor();
    await user.row('Pods', /^faraway-1-(?!build$|deploy$)[a-z0-9]{5}$/).waitFor();
    for (const view of ['Builds', 'Images', 'Routes']) await header(view).waitFor({ state: 'detached' });
    await header('Services').waitFor();
    await page.getByText('This cluster knows no builds, image streams, routes.').waitFor();
    await bench.screenshot('windows-05-plain');
  });

  test('and back to this machine', async () => {
    await bench.command('Slipway: Switch Cluster…');
    await user.asked('Choose a cluster');
    await user.pick('Slipway');
    await page.locator('.statusbar-item[aria-label*=\'cluster "Slipway"\']').waitFor();
    for (const view of ['Builds', 'Images', 'Routes']) await page.locator('.pane-header', { hasText: view }).waitFor();
    await user.row('Pods', 'router-1').waitFor();
  });

  test('with all views open nobody asks the API anything but what the watches tell', async () => {
    for (const view of ['Projects', 'Pods', 'Services', 'Routes', 'Builds']) await user.expand(view);
    await user.row('Services', 'kubernetes').waitFor();
    // Watches that views have left end after a while; theirs are the last requests.
    await page.waitForTimeout(2_000);
    const from = new Date();
    await page.waitForTimeout(idleMs);
    const lines = existsSync(requestLog) ? readFileSync(requestLog, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as RequestLine) : [];
    expect(lines.some((line) => line.user === 'system:admin')).toBe(true);
    expect(lines.filter((line) => line.user === 'system:admin' && new Date(line.time) >= from).map((line) => `${line.method} ${line.path}`)).toEqual([]);
  });

  test('two windows share one control plane, and both follow when it is stopped and started', async () => {
    const before = JSON.parse(readFileSync(path.join(here.folder, 'run.json'), 'utf8')) as { pid: number };
    const second = await bench.newWindow(work);
    second.setDefaultTimeout(20_000);
    const other = new Driver(second);
    await other.openSidebar();
    await other.row('Projects', 'default').waitFor();
    expect((JSON.parse(readFileSync(path.join(here.folder, 'run.json'), 'utf8')) as { pid: number }).pid).toBe(before.pid);
    here.slipway('down');
    for (const one of [page, second]) await one.locator('.welcome-view-content a.monaco-button', { hasText: 'Start Slipway' }).waitFor();
    await bench.screenshot('windows-05-stopped');
    await second.locator('.welcome-view-content a.monaco-button', { hasText: 'Start Slipway' }).click();
    await other.row('Projects', 'default').waitFor();
    await user.row('Projects', 'default').waitFor();
    await second.close();
  });

  test('a killed control plane shows, and one click brings it back', async () => {
    const { pid } = JSON.parse(readFileSync(path.join(here.folder, 'run.json'), 'utf8')) as { pid: number };
    process.kill(pid, 'SIGKILL');
    const start = page.locator('.welcome-view-content a.monaco-button', { hasText: 'Start Slipway' });
    await start.waitFor();
    await start.click();
    await until(() => user.row('Projects', 'default').count()).toBe(1);
  });

  test('a damaged store is told, and recovered with what it holds', async () => {
    here.kubectl('create', 'namespace', 'kept');
    for (let index = 0; index < 20; index += 1) here.kubectl('create', 'configmap', `map-${index}`, '-n', 'kept', `--from-literal=text=${'x'.repeat(4000)}`);
    here.slipway('down');
    const file = path.join(here.folder, 'store', 'slipway.db');
    truncateSync(file, Math.floor((statSync(file).size * 0.9) / 4096) * 4096);
    const start = page.locator('.welcome-view-content a.monaco-button', { hasText: 'Start Slipway' });
    await start.waitFor();
    await start.click();
    await user.row('Projects', 'Slipway could not start').waitFor();
    const told = user.notification('The store of Slipway is damaged; nothing of it was changed.');
    await told.waitFor();
    await bench.screenshot('windows-06-damaged');
    await user.press(told, 'Recover');
    await user.row('Projects', 'kept').waitFor();
    expect(readdirSync(path.dirname(file)).some((one) => one.startsWith('slipway.db.damaged-'))).toBe(true);
    expect(here.kubectl('get', 'configmaps', '-n', 'kept', '-o', 'name')).toContain('/map-');
  });
});
