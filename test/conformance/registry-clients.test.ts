/** podman and skopeo against the platform's own registry, with tokens of its service accounts. */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageStream } from '../../src/api/kinds/image.ts';
import { eventually, Platform } from '../support/platform/platform.ts';

const run = promisify(execFile);
const platform = new Platform();
let directory: string;
let certificates: string;
let registry: string;
const tokens: Record<string, string> = {};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'slipway-clients-'));
  certificates = join(directory, 'certificates');
  mkdirSync(certificates);
  // What podman needs where it runs inside a container itself.
  writeFileSync(join(directory, 'containers.conf'), '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n[containers]\ndefault_ulimits = ["nofile=10000:10000","nproc=4096:4096"]\n');
  writeFileSync(join(directory, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
  await platform.up(['--runtime', 'process']);
  copyFileSync(join(platform.home, 'pki/ca.crt'), join(certificates, 'ca.crt'));
  registry = (await platform.status()).registry ?? '';
  for (const project of ['demo', 'other']) await platform.kube('create', 'namespace', project);
  for (const account of ['builder', 'default']) tokens[account] = await eventually('a token', async () => (await platform.kube('create', 'token', account, '-n', 'demo')).trim());
  mkdirSync(join(directory, 'context'));
  writeFileSync(join(directory, 'context/hello'), 'hello from podman\n');
  writeFileSync(join(directory, 'context/Dockerfile'), 'FROM scratch\nLABEL made=here\nCOPY hello /hello\n');
  await podman('build', '-q', '-t', 'local/hello', join(directory, 'context'));
});
afterAll(async () => {
  await podman('rmi', '-af').catch(() => undefined);
  await platform.dispose();
  rmSync(directory, { recursive: true, force: true });
});

const environment = () => ({ ...process.env, HOME: directory, XDG_RUNTIME_DIR: directory, CONTAINERS_CONF: join(directory, 'containers.conf'), REGISTRY_AUTH_FILE: join(directory, 'auth.json') });
const podman = async (...argv: string[]) => (await run('podman', ['--root', join(directory, 'root'), '--runroot', join(directory, 'run'), '--storage-driver', 'vfs', ...argv], { env: environment() })).stdout.trim();
const skopeo = async (...argv: string[]) => (await run('skopeo', ['--policy', join(directory, 'policy.json'), ...argv], { env: environment() })).stdout.trim();
const login = (account: string) => podman('login', '--cert-dir', certificates, '-u', account, '-p', tokens[account] ?? '', registry);
const at = (name: string) => `docker://${registry}/${name}`;

describe('podman', () => {
  it('logs in with a token, pushes, and pulls what it pushed', async () => {
    expect(await login('builder')).toContain('Login Succeeded');
    const id = await podman('image', 'inspect', '--format', '{{.Id}}', 'local/hello');
    await podman('push', '-q', '--cert-dir', certificates, 'local/hello', `${registry}/demo/hello:v1`);
    const stream = await platform.json<ImageStream>('get', 'imagestream', 'hello', '-n', 'demo');
    expect(stream.status?.tags?.[0]).toMatchObject({ tag: 'v1', items: [{ image: expect.stringMatching(/^sha256:/) as string }] });
    const digest = stream.status?.tags?.[0]?.items?.[0]?.image ?? '';
    await podman('tag', 'local/hello', 'local/kept');
    await podman('rmi', `${registry}/demo/hello:v1`, 'local/hello').catch(() => undefined);
    expect(await podman('pull', '-q', '--cert-dir', certificates, `${registry}/demo/hello@${digest}`)).toBe(id);
    expect(await platform.kube('get', 'image', digest, '-o', 'jsonpath={.dockerImageMetadata.Config.Labels.made}')).toBe('here');
  });

  it('pushes a list of images and pulls it', async () => {
    await login('builder');
    await podman('manifest', 'create', 'local/list', 'containers-storage:localhost/local/kept');
    await podman('manifest', 'push', '--all', '-q', '--cert-dir', certificates, 'local/list', at('demo/list:v1'));
    const raw = JSON.parse(await skopeo('inspect', '--raw', '--cert-dir', certificates, at('demo/list:v1'))) as { manifests: unknown[] };
    expect(raw.manifests).toHaveLength(1);
    expect(await podman('pull', '-q', '--cert-dir', certificates, `${registry}/demo/list:v1`)).toMatch(/^[a-f0-9]{64}$/);
  });

  it('is told what it may not', async () => {
    await login('default');
    await expect(podman('push', '-q', '--cert-dir', certificates, 'local/kept', `${registry}/demo/hello:v2`)).rejects.toThrow(/may not push demo\/hello/);
    expect(await podman('pull', '-q', '--cert-dir', certificates, `${registry}/demo/hello:v1`)).toMatch(/^[a-f0-9]{64}$/);
    await login('builder');
    await expect(podman('push', '-q', '--cert-dir', certificates, 'local/kept', `${registry}/other/hello:v1`)).rejects.toThrow(/may not push other\/hello|403 \(Forbidden\)/);
    await podman('logout', registry);
    await expect(podman('pull', '-q', '--cert-dir', certificates, `${registry}/demo/hello:v1`)).rejects.toThrow(/unauthorized|authentication required/);
  });
});

describe('skopeo', () => {
  it('copies between projects with a token, mounting what is there', async () => {
    await platform.kube('create', 'rolebinding', 'push', '--clusterrole', 'system:image-builder', '--serviceaccount', 'demo:builder', '-n', 'other');
    const creds = `x:${tokens['builder']}`;
    await skopeo('copy', '-q', '--src-cert-dir', certificates, '--dest-cert-dir', certificates, '--src-creds', creds, '--dest-creds', creds, at('demo/hello:v1'), at('other/hello:v1'));
    const tags = JSON.parse(await skopeo('list-tags', '--cert-dir', certificates, '--creds', creds, at('demo/hello'))) as { Tags: string[] };
    expect(tags.Tags).toEqual(['v1']);
    await expect(skopeo('delete', '--cert-dir', certificates, '--creds', creds, at('other/hello:v1'))).rejects.toThrow(/delete|denied|unauthorized|unexpected/i);
    await platform.kube('create', 'clusterrolebinding', 'prune', '--clusterrole', 'system:image-pruner', '--serviceaccount', 'demo:builder');
    await platform.kube('delete', 'imagestreamtag', 'hello:v1', '-n', 'other');
    await expect(skopeo('inspect', '--cert-dir', certificates, '--creds', creds, at('other/hello:v1'))).rejects.toThrow(/unknown|not found/i);
  });
});
