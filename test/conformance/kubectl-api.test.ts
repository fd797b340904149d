/** Unmodified kubectl, every version at hand, against the API server with a few kinds. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type RunningApi } from '../support/api-server.ts';
import { sampleKinds } from '../support/sample-kinds.ts';

const run = promisify(execFile);
const installed = realpathSync('/usr/bin/kubectl');
const versions = ['1.27', '1.28', '1.29', '1.30', '1.31', '1.32', '1.33'].filter((version) => existsSync(`${installed}.${version}`));

let api: RunningApi;
let home: string;

beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'slipway-kubectl-'));
  api = await startApi(sampleKinds);
  await api.ask('POST', '/api/v1/namespaces', { body: { metadata: { name: 'default' } } });
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  writeFileSync(path.join(home, 'config'), JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'c',
    clusters: [{ name: 'c', cluster: { server: api.url, 'certificate-authority-data': base64(api.ca) } }],
    users: [{ name: 'u', user: { 'client-certificate-data': base64(api.admin.certificate), 'client-key-data': base64(api.admin.key) } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
  }));
});
afterAll(async () => {
  await api.dispose();
  rmSync(home, { recursive: true, force: true });
});

const environment = () => ({ HOME: home, PATH: process.env.PATH, KUBECONFIG: path.join(home, 'config') });

/** Standard output, or the error's text after `!`. */
async function kubectl(version: string, ...args: string[]): Promise<string> {
  try {
    return (await run(version ? `${installed}.${version}` : '/usr/bin/kubectl', ['--cache-dir', path.join(home, `cache-${version}`), ...args], { env: environment() })).stdout.trim();
  } catch (error) {
    const { stderr, stdout } = error as { stderr: string; stdout: string };
    return `!${stderr || stdout}`.trim();
  }
}

function file(name: string, text: string): string {
  const target = path.join(home, name);
  writeFileSync(target, text);
  return target;
}

const manifest = (name: string, image: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, labels: {from: file}}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      containers:
      - name: main
        image: ${image}
        ports: [{containerPort: 80}, {containerPort: 80, protocol: UDP, name: u}]
        env: [{name: A, value: "1"}, {name: B, value: "2"}]
`;

describe.each(versions)('kubectl %s', (version) => {
  const k = (...args: string[]) => kubectl(version, ...args);
  const n = `v${version.replace('.', '')}`;

  it('creates, reads and deletes', async () => {
    expect(await k('create', 'configmap', n, '--from-literal=k=v')).toBe(`configmap/${n} created`);
    expect(await k('get', 'cm', n, '-o', 'jsonpath={.data.k}')).toBe('v');
    expect((await k('get', 'cm', n)).split('\n').map((line) => line.split(/\s+/).slice(0, 2))).toEqual([['NAME', 'DATA'], [n, '1']]);
    expect(await k('get', 'configmaps', n, '-o', 'name')).toBe(`configmap/${n}`);
    expect(await k('create', 'configmap', n)).toContain(`configmaps "${n}" already exists`);
    expect(await k('delete', 'cm', n)).toContain(`configmap "${n}" deleted`);
    expect(await k('get', 'cm', n)).toBe(`!Error from server (NotFound): configmaps "${n}" not found`);
  });

  it('applies, changes, compares and scales', async () => {
    const name = `${n}-app`;
    const first = file(`${name}-1.yaml`, manifest(name, 'one'));
    expect(await k('apply', '-f', first)).toBe(`deployment.apps/${name} created`);
    expect(await k('apply', '-f', first)).toBe(`deployment.apps/${name} unchanged`);
    const second = file(`${name}-2.yaml`, manifest(name, 'two').replace(', {name: B, value: "2"}', ''));
    expect(await k('diff', '-f', second)).toMatch(/^!.*\n?[^]*\n-\s+image: one\n\+\s+image: two/);
    expect(await k('apply', '-f', second)).toBe(`deployment.apps/${name} configured`);
    expect(await k('get', 'deploy', name, '-o', 'jsonpath={.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].env[*].name}')).toBe('two A');
    expect(await k('scale', 'deploy', name, '--replicas=3')).toContain('scaled');
    expect(await k('set', 'image', `deploy/${name}`, 'main=three')).toContain('image updated');
    expect(await k('label', 'deploy', name, 'new=label')).toContain('labeled');
    expect(await k('annotate', 'deploy', name, 'a=b')).toContain('annotate');
    expect(await k('patch', 'deploy', name, '-p', '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"s"}]}}}}')).toContain('patched');
    expect(await k('patch', 'deploy', name, '--type=json', '-p', '[{"op":"replace","path":"/spec/replicas","value":5}]')).toContain('patched');
    expect(await k('wait', '--for=jsonpath={.spec.replicas}=5', `deploy/${name}`, '--timeout=10s')).toContain('condition met');
    expect(await k('get', 'deploy', name, '-o', 'jsonpath={.spec.replicas} {.spec.template.spec.containers[*].name} {.metadata.labels}')).toBe(`5 side main {"from":"file","new":"label"}`);
    expect(await k('delete', '-f', second, '--cascade=foreground', '--wait=false')).toContain('deleted');
    expect(await k('patch', 'deploy', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}')).toContain('patched');
    expect(await k('get', 'deploy', name, '--ignore-not-found')).toBe('');
  });

  it('applies on the server', async () => {
    const name = `${n}-ssa`;
    const manifestFile = file(`${name}.yaml`, manifest(name, 'one'));
    expect(await k('apply', '--server-side', '-f', manifestFile)).toBe(`deployment.apps/${name} serverside-applied`);
    expect(await k('scale', 'deploy', name, '--replicas=2')).toContain('scaled');
    const again = file(`${name}-2.yaml`, manifest(name, 'two').replace('spec:', 'spec:\n  replicas: 1'));
    expect(await k('apply', '--server-side', '-f', again)).toMatch(/Apply failed with 1 conflict: conflict with "kubectl[^"]*" with subresource "scale" using apps\/v1: \.spec\.replicas/);
    expect(await k('apply', '--server-side', '--force-conflicts', '-f', again)).toContain('serverside-applied');
    expect(await k('get', 'deploy', name, '-o', 'jsonpath={.spec.replicas} {.spec.template.spec.containers[0].image}')).toBe('1 two');
  });

  it('edits and replaces', async () => {
    const name = `${n}-edit`;
    await k('create', 'configmap', name, '--from-literal=k=old');
    const editor = file(`${n}-editor.sh`, '#!/bin/sh\nsed -i "s/k: old/k: new/" "$1"\n');
    await run('chmod', ['+x', editor]);
    const { stdout } = await run(`${installed}.${version}`, ['--cache-dir', path.join(home, `cache-${version}`), 'edit', 'cm', name], { env: { ...environment(), EDITOR: editor } });
    expect(stdout.trim()).toBe(`configmap/${name} edited`);
    expect(await k('get', 'cm', name, '-o', 'jsonpath={.data.k}')).toBe('new');
    const whole = file(`${name}.yaml`, `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {only: this}\n`);
    expect(await k('replace', '-f', whole)).toBe(`configmap/${name} replaced`);
    expect(await k('get', 'cm', name, '-o', 'jsonpath={.data}')).toBe('{"only":"this"}');
  });

  it('explains, and refuses what is misspelt', async () => {
    const text = await k('explain', 'deployment.spec.template.spec.containers.image');
    expect(text).toContain('FIELD: image <string>');
    const wrong = file(`${n}-wrong.yaml`, manifest(`${n}-wrong`, 'one').replace('image: one', 'imago: one'));
    expect(await k('apply', '-f', wrong)).toContain('unknown field "spec.template.spec.containers[0].imago"');
    const alien = file(`${n}-alien.yaml`, 'apiVersion: nope/v1\nkind: Alien\nmetadata: {name: a}\n');
    expect(await k('apply', '-f', alien)).toContain('no matches for kind "Alien" in version "nope/v1"');
  });

  it('watches', async () => {
    const name = `${n}-w`;
    const child: ChildProcess = spawn(`${installed}.${version}`, ['--cache-dir', path.join(home, `cache-${version}`), 'get', 'cm', '-w', '--field-selector', `metadata.name=${name}`, '-o', 'name'], { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const lines = createInterface({ input: child.stdout ?? process.stdin })[Symbol.asyncIterator]();
      await until(() => watchOpen(name));
      await k('create', 'configmap', name);
      expect((await lines.next()).value).toBe(`configmap/${name}`);
      await k('label', 'cm', name, 'x=y');
      expect((await lines.next()).value).toBe(`configmap/${name}`);
    } finally {
      child.kill();
      await once(child, 'exit');
    }
    expect(await k('delete', 'cm', name, '--wait=true')).toContain('deleted');
  });

  it('runs commands, reads logs and forwards ports', async () => {
    const name = `${n}-pod`;
    await api.ask('POST', '/api/v1/namespaces/default/pods', { body: { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }] } } });
    await api.ask('PATCH', `/api/v1/namespaces/default/pods/${name}/status`, { body: { status: { phase: 'Running' } }, headers: { 'Content-Type': 'application/merge-patch+json' } });
    expect(await k('logs', name)).toBe(`log of ${name}`);
    expect(await k('exec', name, '--', 'say', 'hello')).toBe('run say hello');
    expect(await k('exec', name, '--', 'exit', '7')).toContain('command terminated with exit code 7');
    const child = spawn(`${installed}.${version}`, ['--cache-dir', path.join(home, `cache-${version}`), 'port-forward', `pod/${name}`, ':8080'], { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
      const local = Number(/:(\d+) ->/.exec(String(value))?.[1]);
      const text = await new Promise<string>((resolve, reject) => {
        let seen = '';
        const socket = connect(local, '127.0.0.1', () => socket.write('ping'));
        socket.on('data', (chunk) => {
          seen += String(chunk);
          if (seen.endsWith('ping')) resolve(seen);
        });
        socket.once('error', reject);
      });
      expect(text).toBe('port 8080: ping');
    } finally {
      child.kill();
      await once(child, 'exit');
    }
    expect(await k('delete', 'pod', name, '--grace-period=0', '--force')).toContain('deleted');
  });
});

/** The list before a watch was answered: what is created from now on is seen by it. */
function watchOpen(name: string): boolean {
  return api.requests.some((entry) => entry.path.includes(`metadata.name%3D${name}`) && entry.method === 'GET');
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

it("is found by kubectl's dispatcher, which asks the version first", async () => {
  expect(JSON.parse(await kubectl('', 'version', '-o', 'json'))).toMatchObject({ serverVersion: { major: '1', minor: '32', gitVersion: expect.stringMatching(/^v1\.32\.\d+\+slipway$/) } });
});
