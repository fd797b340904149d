/** An unmodified client of another project: skopeo pushes to the registry and pulls from it, over TLS and with credentials. */
import { execFile } from 'node:child_process';
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomFillSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyLayer } from '../../src/oci/layer-applier.ts';
import { buildImage } from '../../src/oci/image-builder.ts';
import { writeLayer, type WrittenLayer } from '../../src/oci/layer-writer.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import { registryClient, type RegistryClient } from '../../src/oci/registry-client.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const run = promisify(execFile);
const owner = { uid: 1001, gid: 0 };
let directory: string;
let registry: TestRegistry;
let client: RegistryClient;
let certificates: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'slipway-skopeo-'));
  registry = await startRegistry({ directory: join(directory, 'registry'), tls: true });
  client = registryClient({ baseUrl: registry.url, ca: registry.ca, auth: { username: 'x', password: 'admin' } });
  certificates = join(directory, 'certificates');
  mkdirSync(certificates);
  writeFileSync(join(certificates, 'ca.crt'), registry.ca);
});
afterAll(async () => {
  client.close();
  await registry.close();
  rmSync(directory, { recursive: true });
});

const at = (name: string) => `docker://127.0.0.1:${registry.port}/${name}`;
const skopeo = async (...argv: string[]) => (await run('skopeo', argv, { maxBuffer: 1 << 24, env: { ...process.env, HOME: directory, XDG_RUNTIME_DIR: directory } })).stdout;
const push = (from: string, name: string, password = 'admin') => skopeo('copy', '--insecure-policy', '--dest-cert-dir', certificates, '--dest-creds', `x:${password}`, from, at(name));
const pull = (name: string, to: string, password = 'admin') => skopeo('copy', '--insecure-policy', '--src-cert-dir', certificates, '--src-creds', `x:${password}`, at(name), to);

async function pushOurs(name: string, compression: 'gzip' | 'zstd'): Promise<WrittenLayer> {
  const layer = await writeLayer([{ type: 'directory', name: 'app', mode: 0o755, ...owner }, { type: 'file', name: 'app/hello', mode: 0o644, size: 5, content: Buffer.from('hello'), ...owner }], { directory: join(directory, 'layers'), compression });
  const image = buildImage({ layers: [{ ...layer, createdBy: 'test' }], change: { cmd: ['/app/hello'], user: '1001', labels: { made: 'here' } } });
  await client.pushImage(name.split(':')[0] ?? '', name.split(':')[1] ?? '', { blobs: [{ ...layer, content: layer.path }, { ...image.config, content: image.config.bytes }], manifest: image.manifest });
  return layer;
}

describe('skopeo', () => {
  it.each(['gzip', 'zstd'] as const)('reads our images and pulls them (%s)', async (compression) => {
    await pushOurs(`demo/${compression}:v1`, compression);
    const inspected = JSON.parse(await skopeo('inspect', '--cert-dir', certificates, '--creds', 'x:reader', at(`demo/${compression}:v1`))) as { Labels: object; RepoTags: string[] };
    expect(inspected).toMatchObject({ Labels: { made: 'here' }, RepoTags: ['v1'] });
    await pull(`demo/${compression}:v1`, `oci:${directory}/pulled-${compression}:v1`, 'reader');
    const index = JSON.parse(readFileSync(join(directory, `pulled-${compression}/index.json`), 'utf8')) as { manifests: { digest: string }[] };
    const blob = (digest: string) => join(directory, `pulled-${compression}/blobs/sha256`, digest.slice(7));
    const parsed = parseManifest(readFileSync(blob(index.manifests[0]?.digest ?? '')));
    if (parsed.kind !== 'image') throw new Error('an index came back');
    const root = join(directory, `root-${compression}`);
    for (const { digest } of parsed.manifest.layers) await applyLayer(createReadStream(blob(digest)), root);
    expect(readFileSync(join(root, 'app/hello'), 'utf8')).toBe('hello');
  });

  it('pushes what it pulled, unchanged and as Docker’s format', async () => {
    await pushOurs('demo/source:v1', 'gzip');
    await pull('demo/source:v1', `oci:${directory}/layout:v1`);
    await push(`oci:${directory}/layout:v1`, 'demo/again:v1', 'builder');
    expect(await client.resolve('demo/again', 'v1')).toBe(await client.resolve('demo/source', 'v1'));
    await skopeo('copy', '--insecure-policy', '--format', 'v2s2', '--dest-cert-dir', certificates, '--dest-creds', 'x:admin', `oci:${directory}/layout:v1`, at('demo/docker:v1'));
    expect((await client.image('demo/docker', 'v1')).mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json');
    await skopeo('copy', '--insecure-policy', '--src-cert-dir', certificates, '--src-creds', 'x:admin', '--dest-cert-dir', certificates, '--dest-creds', 'x:admin', at('demo/docker:v1'), at('demo/copied:v1'));
    expect(await client.resolve('demo/copied', 'v1')).toBe(await client.resolve('demo/docker', 'v1'));
  });

  it('is refused where it has no right', async () => {
    await pushOurs('demo/guarded:v1', 'gzip');
    await pull('demo/guarded:v1', `oci:${directory}/guarded:v1`);
    await expect(push(`oci:${directory}/guarded:v1`, 'demo/guarded:v2', 'reader')).rejects.toThrow(/denied|may not push/i);
    await expect(pull('demo/guarded:v1', `oci:${directory}/no:v1`, 'wrong')).rejects.toThrow(/unauthorized|authentication|invalid/i);
  });

  it('moves 200 MB both ways while our memory stays flat', async () => {
    const layout = join(directory, 'big');
    const big = join(directory, 'big-file');
    const block = randomFillSync(Buffer.alloc(1 << 20));
    for (let part = 0; part < 200; part++) writeFileSync(big, block, { flag: 'a' });
    // Too random to shrink, so that skopeo has to move all of it.
    const layer = await writeLayer([{ type: 'file', name: 'big', mode: 0o644, size: 200 << 20, content: big, ...owner }], { directory: join(directory, 'layers'), compression: 'none' });
    const image = buildImage({ layers: [{ ...layer, createdBy: 'test' }] });
    mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
    for (const { digest, bytes } of [image.config, image.manifest]) writeFileSync(join(layout, 'blobs/sha256', digest.slice(7)), bytes);
    await run('ln', [layer.path, join(layout, 'blobs/sha256', layer.digest.slice(7))]);
    writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    const { mediaType, digest, size } = image.manifest;
    writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType, digest, size, annotations: { 'org.opencontainers.image.ref.name': 'v1' } }] }));

    await push(`oci:${layout}:v1`, 'demo/warm:v1');
    const before = process.memoryUsage().rss;
    let peak = before;
    const watch = setInterval(() => void (peak = Math.max(peak, process.memoryUsage().rss)), 10);
    await skopeo('copy', '--insecure-policy', '--dest-cert-dir', certificates, '--dest-creds', 'x:admin', '--dest-compress', '--dest-compress-format', 'gzip', `oci:${layout}:v1`, at('demo/big:v1'));
    await pull('demo/big:v1', `dir:${directory}/big-pulled`);
    clearInterval(watch);
    expect((peak - before) / 2 ** 20).toBeLessThan(120);
  });
});
