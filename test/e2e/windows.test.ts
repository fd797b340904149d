/** Windows and clusters: an untrusted workspace, a second platform as an ordinary cluster of the kubeconfig, an idle minute, two windows on one control plane. */
import { existsSync, readFileSync, writeFileSync, realpathSync, mkdtempSync, cpSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFailed, test as plainTest } from 'vitest';
import { ask } from './support/ask.ts';
import { Driver } from './support/driver.ts';
import { until } from './support/expectations.ts';
import { testHome, type TestHome } from './support/home.ts';
import { plainCluster, type PlainCluster } from './support/plain-cluster.ts';
import { freePort, openWorkbench, type Workbench } from './support/workbench.ts';

/** What runs on the plain cluster, from no build: the source is mounted, and lies in the open folder, too. */
const api = `require('node:http').createServer((request, response) => {
  const answer = (process.env.GREETING || 'hello') + ' from ' + request.url;
  response.end(answer);
}).listen(8080);
process.on('SIGTERM', () => process.exit(0));
`;

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
    writeFileSync(path.join(site, 'api.js'), api);
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
    const image = there.kubectl('get', 'is', 'nodejs', '-n', 'openshift', '-o', 'jsonpath={.status.dockerImageRepository}:{.spec.tags[0].name}');
    writeFileSync(path.join(work, 'workloads.json'), JSON.stringify(workloads(image)));
    bench = await openWorkbench({
      folder: site, home: here.folder, environment: { KUBECONFIG: kubeconfig }, workspaceTrust: true,
      settings: { 'debug.openDebug': 'neverOpen', 'security.workspace.trust.startupPrompt': 'never', 'security.workspace.trust.banner': 'never' },
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
    there.kubectl('apply', '-f', path.join(work, 'workloads.json'));
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
    await user.expand('Ingresses');
    await until(() => user.row('Ingresses', 'api').textContent()).toContain('api.example');
    await bench.screenshot('windows-05-plain');
    await page.keyboard.press('F1');
    const offered = (title: string) => user.quickInput.locator('.monaco-list-row', { hasText: title });
    for (const lacking of ['Retry Rollout', 'Split Traffic']) {
      await user.quickInput.locator('input.input').fill('>Slipway: Show Rollouts');
      await offered('Show Rollouts').waitFor();
      await user.quickInput.locator('input.input').fill(`>Slipway: ${lacking}`);
      await offered('Show Rollouts').waitFor({ state: 'detached' });
      expect(await offered(lacking).count()).toBe(0);
    }
    await page.keyboard.press('Escape');
  });

  test('there rollouts of deployments, stateful sets and daemon sets are followed, compared and undone', async () => {
    await page.setViewportSize({ width: 1280, height: 1100 });
    const rollouts = async (kind: string, name: string) => {
      await bench.command('View: Close All Editors');
      // Not the page that is on its way out.
      await until(async () => (await Promise.all(page.frames().map((frame) => frame.locator('.revisions').count().catch(() => 0)))).every((count) => count === 0)).toBe(true);
      await bench.choose('Slipway: Show Rollouts', name);
      const sheet = await bench.webview('.revisions tr[data-revision]');
      await until(() => sheet.locator('.headline .sub').textContent()).toBe(`${kind} · default`);
      const revision = (number: number) => sheet.locator(`.revisions tr[data-revision="${number}"]`);
      const becomes = (number: number) => until(() => revision(number).getAttribute('data-state').catch(() => ''), 60_000).toBe('current');
      return { sheet, revision, becomes, act: (action: string) => sheet.locator(`vscode-button[data-action=${action}]`).click() };
    };
    let shown = await rollouts('Deployment', 'api');
    await shown.becomes(1);
    there.kubectl('set', 'env', 'deployment/api', 'GREETING=second');
    await shown.becomes(2);
    await until(() => shown.sheet.locator('.phase').first().textContent(), 60_000).toBe('complete');
    expect(await shown.sheet.locator('vscode-button[data-action]:visible').evaluateAll((buttons) => buttons.map((button) => (button as HTMLElement).dataset.action).sort())).toEqual(['pause', 'restart']);
    await shown.sheet.locator('vscode-button[aria-label="Compare 1 with the current revision"]').click();
    await page.locator('.monaco-diff-editor .view-line', { hasText: 'second' }).first().waitFor();
    await bench.command('View: Close Editor');
    shown = await rollouts('Deployment', 'api');
    await shown.act('pause');
    await shown.sheet.locator('vscode-button[data-action=resume]').waitFor();
    expect(there.kubectl('get', 'deployment', 'api', '-o', 'jsonpath={.spec.paused}')).toBe('true');
    await shown.act('resume');
    await shown.sheet.locator('vscode-button[data-action=pause]').waitFor();
    await shown.sheet.locator('vscode-button[aria-label="Roll back to revision 1"]').click();
    await user.confirm('Roll Back');
    await shown.becomes(3);
    expect(there.kubectl('get', 'deployment', 'api', '-o', 'jsonpath={.spec.template.spec.containers[0].env}')).toBe('');
    await bench.screenshot('windows-05-plain-deployment');
    for (const [kind, name] of [['Stateful set', 'db'], ['Daemon set', 'each']] as const) {
      shown = await rollouts(kind, name);
      await shown.becomes(1);
      expect(await shown.sheet.locator('.stepper').isVisible()).toBe(kind === 'Stateful set');
      await shown.act('restart');
      await user.confirm('Restart');
      await shown.becomes(2);
      await until(() => shown.sheet.locator('.phase').first().textContent(), 60_000).toBe('complete');
      await bench.screenshot(`windows-05-plain-${name}`);
    }
    await bench.command('View: Close All Editors');
  });

  test('there ports are forwarded, programs debugged and events followed as anywhere', async () => {
    const pod = () => user.row('Pods', /^api-/);
    const local = await freePort();
    await user.expand('Services');
    await user.inline(user.row('Services', 'api'), 'Forward Port…');
    await user.asked('Forward api:8080 to a local port');
    await user.answer(String(local));
    await user.notification(`api:8080 is forwarded to localhost:${local}.`).waitFor();
    const url = `http://localhost:${local}`;
    expect(await ask(url, '/one')).toBe('hello from /one');
    await user.dismissNotifications();
    await page.keyboard.press('ControlOrMeta+p');
    await user.quickInput.locator('input.input').fill('api.js');
    await user.quickInput.locator('.monaco-list-row', { hasText: 'api.js' }).first().click();
    await page.locator('.editor-instance .view-line', { hasText: 'const answer' }).click();
    await page.keyboard.press('F9');
    await until(() => pod().count()).toBe(1);
    await user.inline(pod(), 'Debug');
    const answers: Promise<string>[] = [];
    await until(() => {
      answers.push(ask(url, '/held').catch((error: Error) => error.message));
      return page.locator('.debug-top-stack-frame-line').count();
    }, 60_000).toBeGreaterThan(0);
    await bench.screenshot('windows-05-plain-debug');
    await bench.command('Debug: Disconnect');
    await until(async () => (await Promise.all(answers)).at(-1), 30_000).toBe('hello from /held');
    await bench.command('View: Close All Editors');
    // Where nothing in the editor debugs Python, the extension that would is named.
    await user.inline(user.row('Projects', /^snake-/), 'Debug');
    const told = user.notification('No extension of this editor debugs Python.');
    await told.waitFor({ timeout: 30_000 });
    await bench.screenshot('windows-05-plain-python');
    await user.press(told, 'Show Extension');
    await page.locator('.extensions-viewlet .monaco-editor .view-line', { hasText: '@id:ms-python.debugpy' }).waitFor();
    await user.openSidebar();
    await user.menu(user.row('Services', 'api'), 'Show Events');
    const events = await bench.webview('.events');
    await until(() => events.locator('.title').textContent()).toBe('default · Service api');
    await events.locator('vscode-button', { hasText: 'Whole Project' }).click();
    there.kubectl('scale', 'deployment/api', '--replicas=2');
    await events.locator('.event', { hasText: /ScalingReplicaSet.*from 1 to 2/ }).waitFor();
    await bench.screenshot('windows-05-plain-events');
    await user.expand('Port Forwards');
    await user.inline(user.row('Port Forwards', `localhost:${local}`), 'Stop Port Forward');
    await page.setViewportSize({ width: 1280, height: 800 });
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

/** A kind each of what rolls out, with a service and an ingress. */
function workloads(image: string): object {
  const meta = (name: string) => ({ name, namespace: 'default', labels: { app: name } });
  const spec = (name: string, container: object, more: object = {}) => ({
    selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { terminationGracePeriodSeconds: 1, containers: [{ name, image, ...container }], ...more } },
  });
  const wait = { command: ['sleep', '100000'] };
  const mounted = { command: ['node', 'api.js'], workingDir: '/srv/api', ports: [{ containerPort: 8080 }], volumeMounts: [{ name: 'source', mountPath: '/srv/api/api.js', subPath: 'api.js' }] };
  return { apiVersion: 'v1', kind: 'List', items: [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('source'), data: { 'api.js': api } },
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: meta('api'), spec: spec('api', mounted, { volumes: [{ name: 'source', configMap: { name: 'source' } }] }) },
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: meta('snake'), spec: spec('snake', { command: ['python3', '-m', 'http.server', '8080'] }) },
    { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: meta('db'), spec: { serviceName: 'db', ...spec('db', wait) } },
    { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: meta('each'), spec: spec('each', wait) },
    { apiVersion: 'v1', kind: 'Service', metadata: meta('api'), spec: { selector: { app: 'api' }, ports: [{ port: 8080 }] } },
    { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: meta('api'), spec: { rules: [{ host: 'api.example', http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'api', port: { number: 8080 } } } }] } }] } },
  ] };
}
