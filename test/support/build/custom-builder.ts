/** An image for the Custom strategy that makes and pushes its image by itself. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildImage } from '../../../src/oci/image-builder.ts';
import { writeLayer } from '../../../src/oci/layer-writer.ts';
import type { RegistryClient } from '../../../src/oci/registry-client.ts';

/** Pushes an image that holds what the builder was told, by the distribution API alone. */
const program = `
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';
const { BUILD, OUTPUT_REGISTRY, OUTPUT_IMAGE, SOURCE_REPOSITORY, SOURCE_REF, PUSH_DOCKERCFG_PATH, LEVEL, OPENSHIFT_CUSTOM_BUILD_BASE_IMAGE } = process.env;
const build = JSON.parse(BUILD);
console.log('building', build.metadata.name, SOURCE_REPOSITORY, SOURCE_REF, LEVEL, readFileSync('/keys/word', 'utf8'), OPENSHIFT_CUSTOM_BUILD_BASE_IMAGE.includes('@sha256:'));
if (LEVEL === 'fail') { console.error('no compiler here'); process.exit(4); }
const { auth } = Object.entries(JSON.parse(readFileSync(PUSH_DOCKERCFG_PATH + '/.dockercfg', 'utf8'))).find(([host]) => host.includes(OUTPUT_REGISTRY.split(':')[0]))[1];
const ca = readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/ca.crt');
const [repository, tag] = OUTPUT_IMAGE.split(':');
const send = (method, path, type, body) => new Promise((resolve, reject) => https.request('https://' + OUTPUT_REGISTRY + '/v2/' + repository + path, { method, ca, headers: { authorization: 'Basic ' + auth, 'content-type': type, 'content-length': body.length } }, (answer) => answer.resume().on('end', () => answer.statusCode === 201 ? resolve() : reject(new Error(method + ' ' + path + ': ' + answer.statusCode)))).on('error', reject).end(body));
const digest = (bytes) => 'sha256:' + createHash('sha256').update(bytes).digest('hex');
const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: { Labels: { made: 'by hand', source: SOURCE_REPOSITORY } }, rootfs: { type: 'layers', diff_ids: [] } }));
await send('POST', '/blobs/uploads/?digest=' + digest(config), 'application/octet-stream', config);
const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digest(config), size: config.length }, layers: [] }));
await send('PUT', '/manifests/' + tag, 'application/vnd.oci.image.manifest.v1+json', manifest);
console.log('pushed', digest(manifest));
`;

/** Stands on the builder image of Node.js; pushed as `<repository>:latest`. */
export async function pushCustomBuilder(registry: RegistryClient, repository: string): Promise<void> {
  const base = await registry.image('openshift/nodejs', 'latest');
  const directory = mkdtempSync(path.join(tmpdir(), 'slipway-custom-'));
  try {
    const content = Buffer.from(program);
    const layer = await writeLayer([{ type: 'file', name: 'opt/custom/build.mjs', mode: 0o644, uid: 0, gid: 0, size: content.length, content }], { directory });
    const image = buildImage({ base, layers: [{ ...layer, createdBy: 'custom' }], change: { entrypoint: ['node', '/opt/custom/build.mjs'] } });
    const inherited = base.manifest.layers.map(({ digest, size, mediaType }) => ({ digest, size, content: () => registry.readBlob('openshift/nodejs', { digest, size, mediaType }) }));
    const blobs = [...inherited, { digest: layer.digest, size: layer.size, content: layer.path }, { digest: image.config.digest, size: image.config.size, content: image.config.bytes }];
    await registry.pushImage(repository, 'latest', { blobs, manifest: image.manifest });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
