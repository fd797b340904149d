/**
 * The groups of the distribution specification's own conformance suite (opencontainers/distribution-spec, conformance/), against a listener:
 *
 * | group of the suite | here |
 * |---|---|
 * | ping, empty, missing-manifest, invalid-digest-format | ping and names; blobs: refuses what does not match; manifests: refuse bad references |
 * | sha256 and sha512 blobs: post-only, post+put, chunked single, multi and out of order, stream, cancel | blobs: a block for each algorithm; cancels |
 * | mount, anonymous mount, mount missing, range | blobs: mounts; answers; access: lets nobody mount |
 * | image, image-uncompressed, index, nested-index, empty-index, no-layers, non-distributable, data-field, custom-fields | manifests: come back byte for byte; take; nest |
 * | large-manifest, bad-digest-image, tag-param | manifests: may be large; refuse; take tags beside a digest |
 * | artifact (with index, without layers, with subject, missing subject), index-with-subject | manifests: take; referrers |
 * | tags list, deletion of tags, manifests and blobs | tags; manifests: are deleted; blobs: deletes |
 *
 * What is ours beyond it: access, the catalogue, deletion of content, the disk.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf, type DigestAlgorithm } from '../../src/oci/digest.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { manifestLimit } from '../../src/controlplane/image/registry/serve-manifest.ts';
import { eventually } from '../support/eventually.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

let directory: string;
let registry: TestRegistry;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'slipway-registry-'));
  registry = await startRegistry({ directory });
});
afterAll(async () => {
  await registry.close();
  rmSync(directory, { recursive: true });
});

type Call = { method?: string; headers?: Record<string, string>; body?: string | Uint8Array<ArrayBuffer>; as?: string | undefined };
const call = (path: string, { method = 'GET', headers = {}, body, as = 'admin' }: Call = {}) =>
  fetch(new URL(path, registry.url), { method, headers: { ...(as && { authorization: `Bearer ${as}` }), ...headers }, redirect: 'manual', ...(body !== undefined && { body }) });
const codeOf = async (response: Response) => ((await response.json()) as { errors: { code: string }[] }).errors[0]?.code;
const start = async (name: string, query = '') => {
  const response = await call(`/v2/${name}/blobs/uploads/${query}`, { method: 'POST' });
  expect(response.status).toBe(202);
  return response.headers.get('location') ?? '';
};
const patch = (at: string, body: string, range?: string) => call(at, { method: 'PATCH', body, headers: range ? { 'content-range': range } : {} });
const close = (at: string, digest: string, body?: string, range?: string) => call(`${at}?digest=${digest}`, { method: 'PUT', ...(body !== undefined && { body }), headers: range ? { 'content-range': range } : {} });
const pushBlob = async (name: string, content: string, algorithm: DigestAlgorithm = 'sha256') => {
  const digest = digestOf(content, algorithm);
  const response = await call(`/v2/${name}/blobs/uploads/?digest=${digest}`, { method: 'POST', body: content });
  expect(response.status).toBe(201);
  return { mediaType: mediaTypes.layer, digest, size: Buffer.byteLength(content) };
};
const putManifest = (name: string, reference: string, document: unknown, type: string = mediaTypes.manifest) =>
  call(`/v2/${name}/manifests/${reference}`, { method: 'PUT', body: typeof document === 'string' ? document : JSON.stringify(document), headers: { 'content-type': type } });
const config = { mediaType: mediaTypes.config };
const imageManifest = async (name: string, text: string, more: object = {}) => ({ schemaVersion: 2, mediaType: mediaTypes.manifest, config: { ...(await pushBlob(name, JSON.stringify({ text, rootfs: { type: 'layers', diff_ids: [] } }))), ...config }, layers: [await pushBlob(name, `layer ${text}`)], ...more });

describe('ping and names', () => {
  it.each([
    ['/v2/', 200],
    ['/v2/demo/none/tags/list', 404, 'NAME_UNKNOWN'],
    ['/v2/demo/none/manifests/latest', 404, 'NAME_UNKNOWN'],
    ['/v2/demo/a/b/tags/list', 404, 'NAME_INVALID'],
    ['/v2/single/tags/list', 404, 'NAME_INVALID'],
    ['/v2/Demo/a/tags/list', 404, 'NAME_INVALID'],
    ['/v2/demo/..%2f..%2fx/blobs/sha256:00', 404, 'NAME_INVALID'],
    ['/v2/%zz', 400, 'NAME_INVALID'],
    ['/v2/_catalog', 200],
    ['/else', 404, 'UNSUPPORTED'],
  ] as const)('%s', async (path, status, code?) => {
    const response = await call(path);
    expect([response.status, code && (await codeOf(response))]).toEqual([status, code]);
  });
});

describe('blobs', () => {
  describe.each(['sha256', 'sha512'] as const)('%s', (algorithm) => {
    const name = `blobs/${algorithm}`;
    const content = (text: string) => ({ text, digest: digestOf(text, algorithm) });
    const stored = async ({ text, digest }: { text: string; digest: string }) => {
      const got = await call(`/v2/${name}/blobs/${digest}`);
      expect([got.status, await got.text(), got.headers.get('docker-content-digest')]).toEqual([200, text, digest]);
      const head = await call(`/v2/${name}/blobs/${digest}`, { method: 'HEAD' });
      expect([head.status, head.headers.get('content-length'), head.headers.get('docker-content-digest')]).toEqual([200, String(text.length), digest]);
    };

    it('in one POST', async () => {
      const blob = content('post only');
      await pushBlob(name, blob.text, algorithm);
      await stored(blob);
    });
    it('in POST and PUT', async () => {
      const blob = content('post and put');
      const response = await close(await start(name, `?digest-algorithm=${algorithm}`), blob.digest, blob.text);
      expect([response.status, response.headers.get('location')]).toEqual([201, `/v2/${name}/blobs/${blob.digest}`]);
      await stored(blob);
    });
    it('in a stream without ranges', async () => {
      const blob = content('streamed');
      const at = await start(name);
      expect((await patch(at, blob.text)).status).toBe(202);
      expect((await close(at, blob.digest)).status).toBe(201);
      await stored(blob);
    });
    it('in chunks, in order, resumed by asking', async () => {
      const blob = content('0123456789');
      const at = await start(name);
      const first = await patch(at, '01234', '0-4');
      expect([first.status, first.headers.get('range')]).toEqual([202, '0-4']);
      const status = await call(at);
      expect([status.status, status.headers.get('range'), status.headers.get('location')]).toEqual([204, '0-4', at]);
      for (const wrong of ['0-4', '6-10', '5-7', 'x']) {
        const refused = await patch(at, '56789', wrong);
        expect([refused.status, refused.headers.get('range')]).toEqual([416, '0-4']);
      }
      expect((await patch(at, '567', '5-7')).headers.get('range')).toBe('0-7');
      expect((await close(at, blob.digest, '89', '8-9')).status).toBe(201);
      await stored(blob);
      expect((await call(at)).status).toBe(404);
    });
    it('empty', async () => {
      const at = await start(name);
      expect((await close(at, digestOf('', algorithm))).status).toBe(201);
      await stored({ text: '', digest: digestOf('', algorithm) });
    });
  });

  it('refuses what does not match, and forgets it', async () => {
    const at = await start('blobs/bad');
    const response = await close(at, digestOf('other'), 'content');
    expect([response.status, await codeOf(response)]).toEqual([400, 'DIGEST_INVALID']);
    expect((await call(at)).status).toBe(404);
    for (const digest of ['', 'sha256:abc', 'md5:d41d8cd98f00b204e9800998ecf8427e', 'rubbish']) {
      const refused = await close(await start('blobs/bad'), digest, 'content');
      expect([refused.status, await codeOf(refused)]).toEqual([400, 'DIGEST_INVALID']);
    }
    const unknown = await call(`/v2/blobs/bad/blobs/${digestOf('other')}`);
    expect([unknown.status, await codeOf(unknown)]).toEqual([404, 'BLOB_UNKNOWN']);
    expect((await call('/v2/blobs/bad/blobs/sha256:xyz')).status).toBe(400);
    expect((await call('/v2/blobs/bad/blobs/uploads/?digest-algorithm=md5', { method: 'POST' })).status).toBe(400);
  });

  it('cancels', async () => {
    const at = await start('blobs/cancel');
    await patch(at, 'some');
    expect((await call(at, { method: 'DELETE' })).status).toBe(204);
    for (const method of ['GET', 'DELETE', 'PUT'] as const) expect((await call(`${at}?digest=${digestOf('some')}`, { method })).status).toBe(404);
    expect((await call((await start('blobs/cancel')).replace('cancel', 'other'))).status).toBe(404);
  });

  it('mounts from a repository that has it, else starts an upload', async () => {
    const { digest } = await pushBlob('blobs/from', 'mounted');
    const mounted = await call(`/v2/blobs/to/blobs/uploads/?mount=${digest}&from=blobs/from`, { method: 'POST' });
    expect([mounted.status, mounted.headers.get('location')]).toEqual([201, `/v2/blobs/to/blobs/${digest}`]);
    expect(await (await call(`/v2/blobs/to/blobs/${digest}`)).text()).toBe('mounted');
    for (const query of [`mount=${digest}`, `mount=${digest}&from=blobs/none`, `mount=${digestOf('never')}&from=blobs/from`, `mount=${digest}&from=../x`]) await start('blobs/third', `?${query}`);
    expect((await call(`/v2/blobs/third/blobs/${digest}`)).status).toBe(404);
    expect((await call('/v2/blobs/to/blobs/uploads/?mount=rubbish', { method: 'POST' })).status).toBe(400);
  });

  it.each([
    ['bytes=0-4', 206, '01234', 'bytes 0-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=5-100', 206, '56789', 'bytes 5-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=5-2', 200, '0123456789', null],
    ['bytes=0-1,3-4', 200, '0123456789', null],
    ['lines=1-2', 200, '0123456789', null],
  ])('answers %s', async (range, status, text, contentRange) => {
    const { digest } = await pushBlob('blobs/range', '0123456789');
    const response = await call(`/v2/blobs/range/blobs/${digest}`, { headers: { range } });
    expect([response.status, await response.text(), response.headers.get('content-range')]).toEqual([status, text, contentRange]);
  });

  it('deletes from one repository alone', async () => {
    const { digest } = await pushBlob('blobs/delete', 'deleted');
    await pushBlob('blobs/keep', 'deleted');
    expect((await call(`/v2/blobs/delete/blobs/${digest}`, { method: 'DELETE' })).status).toBe(202);
    for (const method of ['GET', 'HEAD', 'DELETE']) expect((await call(`/v2/blobs/delete/blobs/${digest}`, { method })).status).toBe(404);
    expect((await call(`/v2/blobs/keep/blobs/${digest}`)).status).toBe(200);
  });

  it('keeps one writer at a time, and what came before a broken connection', async () => {
    const at = await start('blobs/broken');
    const half = 'half'.repeat(300_000);
    const socket = connect(registry.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(`PATCH ${at} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer admin\r\ncontent-length: 9999999\r\n\r\n${half}`);
    await eventually(async () => (await call(at)).headers.get('range')).not.toBe('0-0');
    expect((await patch(at, 'intruder')).status).toBe(409);
    socket.destroy();
    await eventually(async () => (await call(at)).headers.get('range')).toBe(`0-${half.length - 1}`);
    expect((await patch(at, ' and half', `${half.length}-${half.length + 8}`)).status).toBe(202);
    expect((await close(at, digestOf(`${half} and half`))).status).toBe(201);
  });
});

describe('manifests', () => {
  it('come back byte for byte, by tag and digest', async () => {
    const text = `${JSON.stringify(await imageManifest('images/exact', 'exact'), null, 3)}\n\n`;
    const put = await putManifest('images/exact', 'v1', text);
    const digest = digestOf(text);
    expect([put.status, put.headers.get('docker-content-digest'), put.headers.get('location')]).toEqual([201, digest, `/v2/images/exact/manifests/${digest}`]);
    for (const reference of ['v1', digest]) {
      const got = await call(`/v2/images/exact/manifests/${reference}`);
      expect([got.status, await got.text(), got.headers.get('content-type'), got.headers.get('docker-content-digest')]).toEqual([200, text, mediaTypes.manifest, digest]);
      const head = await call(`/v2/images/exact/manifests/${reference}`, { method: 'HEAD' });
      expect([head.status, head.headers.get('content-length')]).toEqual([200, String(text.length)]);
      expect((await call(`/v2/images/exact/manifests/${reference}`, { headers: { 'if-none-match': `"${digest}"` } })).status).toBe(304);
    }
    const sha512 = `sha512:${createHash('sha512').update(text).digest('hex')}`;
    expect((await putManifest('images/exact', sha512, text)).headers.get('docker-content-digest')).toBe(sha512);
    expect(await (await call(`/v2/images/exact/manifests/${sha512}`)).text()).toBe(text);
  });

  it.each([
    ['docker schema 2', mediaTypes.dockerManifest, async (name: string) => imageManifest(name, 'docker', { mediaType: mediaTypes.dockerManifest })],
    ['no layers', mediaTypes.manifest, async (name: string) => imageManifest(name, 'no layers', { layers: [] })],
    ['non-distributable layers', mediaTypes.manifest, async (name: string) => imageManifest(name, 'foreign', { layers: [{ mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', digest: digestOf('elsewhere'), size: 9 }] })],
    ['a data field', mediaTypes.manifest, async (name: string) => imageManifest(name, 'data', { layers: [{ ...(await pushBlob(name, 'data')), data: 'ZGF0YQ==' }] })],
    ['fields nobody knows', mediaTypes.manifest, async (name: string) => imageManifest(name, 'custom', { 'org.example.custom': { deep: [1] } })],
    ['an artifact', mediaTypes.manifest, async (name: string) => imageManifest(name, 'artifact', { artifactType: 'application/vnd.example' })],
    ['an empty index', mediaTypes.index, async () => ({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] })],
  ])('take %s', async (_name, type, make) => {
    const text = JSON.stringify(await make('images/kinds'));
    expect((await putManifest('images/kinds', 'kind', text, type)).status).toBe(201);
    const got = await call('/v2/images/kinds/manifests/kind');
    expect([await got.text(), got.headers.get('content-type')]).toEqual([text, type]);
  });

  it('nest in indexes', async () => {
    const name = 'images/index';
    const image = JSON.stringify(await imageManifest(name, 'in index'));
    const of = (text: string, mediaType: string) => ({ mediaType, digest: digestOf(text), size: text.length });
    const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [of(image, mediaTypes.manifest)] });
    const outer = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [of(index, mediaTypes.index)] });
    const early = await putManifest(name, 'outer', outer, mediaTypes.index);
    expect([early.status, await codeOf(early)]).toEqual([404, 'MANIFEST_BLOB_UNKNOWN']);
    for (const [text, type] of [[image, mediaTypes.manifest], [index, mediaTypes.index], [outer, mediaTypes.index]] as const) expect((await putManifest(name, digestOf(text), text, type)).status).toBe(201);
    expect((await putManifest(name, 'outer', outer, mediaTypes.index)).status).toBe(201);
  });

  it.each([
    ['no JSON', 'nonsense', 'MANIFEST_INVALID', 400],
    ['schema 1', { schemaVersion: 1 }, 'MANIFEST_INVALID', 400],
    ['another media type inside', { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] }, 'MANIFEST_INVALID', 400],
    ['a missing layer', { schemaVersion: 2, config: { mediaType: 'a/b', digest: digestOf('no'), size: 2 }, layers: [] }, 'MANIFEST_BLOB_UNKNOWN', 404],
    ['a blob of another repository', undefined, 'MANIFEST_BLOB_UNKNOWN', 404],
  ])('refuse %s', async (_name, document, code, status) => {
    const response = await putManifest('images/refused', 'x', document ?? (await imageManifest('images/other', 'other')));
    expect([response.status, await codeOf(response)]).toEqual([status, code]);
  });

  it('refuse bad references', async () => {
    const image = await imageManifest('images/refs', 'refs');
    for (const [reference, code] of [[digestOf('other'), 'DIGEST_INVALID'], ['sha256:short', 'DIGEST_INVALID'], ['-tag', 'MANIFEST_INVALID'], ['t'.repeat(129), 'MANIFEST_INVALID']] as const) {
      const response = await putManifest('images/refs', reference, image);
      expect([response.status, await codeOf(response)]).toEqual([400, code]);
    }
    await putManifest('images/refs', 'real', image);
    const missing = await call('/v2/images/refs/manifests/missing');
    expect([missing.status, await codeOf(missing)]).toEqual([404, 'MANIFEST_UNKNOWN']);
    expect((await call('/v2/images/refs/manifests/real', { method: 'POST' })).status).toBe(405);
  });

  it('may be large, within the limit', async () => {
    const image = await imageManifest('images/large', 'large');
    const sized = (size: number) => {
      const empty = JSON.stringify({ ...image, annotations: { pad: '' } });
      return empty.replace('"pad":""', `"pad":"${'x'.repeat(size - empty.length)}"`);
    };
    expect((await putManifest('images/large', 'most', sized(manifestLimit))).status).toBe(201);
    const response = await putManifest('images/large', 'more', sized(manifestLimit + 1));
    expect([response.status, await codeOf(response)]).toEqual([413, 'SIZE_INVALID']);
  });

  it('take tags beside a digest', async () => {
    const text = JSON.stringify(await imageManifest('images/tagged', 'tagged'));
    const response = await putManifest('images/tagged', `${digestOf(text)}?tag=a&tag=b`, text);
    expect([response.status, response.headers.get('oci-tag')]).toEqual([201, 'a, b']);
    expect((await call('/v2/images/tagged/manifests/b')).headers.get('docker-content-digest')).toBe(digestOf(text));
  });

  it('are deleted by tag, then by digest', async () => {
    const text = JSON.stringify(await imageManifest('images/gone', 'gone'));
    await putManifest('images/gone', 'tag', text);
    const at = `/v2/images/gone/manifests/${digestOf(text)}`;
    const held = await call(at, { method: 'DELETE' });
    expect([held.status, await codeOf(held)]).toEqual([405, 'UNSUPPORTED']);
    expect((await call('/v2/images/gone/manifests/tag', { method: 'DELETE' })).status).toBe(202);
    expect((await call('/v2/images/gone/manifests/tag')).status).toBe(404);
    expect((await call(at)).status).toBe(200);
    expect((await call(at, { method: 'DELETE' })).status).toBe(202);
    for (const method of ['GET', 'DELETE']) expect((await call(at, { method })).status).toBe(404);
  });
});

describe('tags', () => {
  it('are listed sorted, in pages', async () => {
    const image = await imageManifest('lists/tags', 'tags');
    for (const tag of ['b', 'a', 'D', 'c']) await putManifest('lists/tags', tag, image);
    const list = async (query: string) => {
      const response = await call(`/v2/lists/tags/tags/list${query}`);
      return [response.status, ((await response.json()) as { tags?: string[] }).tags, response.headers.get('link')];
    };
    expect(await list('')).toEqual([200, ['D', 'a', 'b', 'c'], null]);
    expect(await list('?n=2')).toEqual([200, ['D', 'a'], '</v2/lists/tags/tags/list?n=2&last=a>; rel="next"']);
    expect(await list('?n=2&last=a')).toEqual([200, ['b', 'c'], null]);
    expect(await list('?last=b')).toEqual([200, ['c'], null]);
    expect(await list('?n=0')).toEqual([200, [], null]);
    expect((await list('?n=-1'))[0]).toBe(400);
  });
});

describe('referrers', () => {
  it('are listed, filtered, and never 404', async () => {
    const name = 'lists/referrers';
    const subject = { mediaType: mediaTypes.manifest, digest: digestOf('a subject that never came'), size: 25 };
    const put = async (tag: string, document: object, type?: string) => {
      const response = await putManifest(name, tag, document, type);
      expect([response.status, response.headers.get('oci-subject')]).toEqual([201, subject.digest]);
    };
    await put('sbom', await imageManifest(name, 'sbom', { subject, artifactType: 'application/sbom', annotations: { a: 'b' } }));
    await put('plain', await imageManifest(name, 'plain', { subject }));
    await put('index', { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [], subject, artifactType: 'application/list' }, mediaTypes.index);
    const list = async (query = '', digest = subject.digest) => {
      const response = await call(`/v2/${name}/referrers/${digest}${query}`);
      expect([response.status, response.headers.get('content-type')]).toEqual([200, mediaTypes.index]);
      return { filters: response.headers.get('oci-filters-applied'), manifests: ((await response.json()) as { manifests: { artifactType?: string; annotations?: object; mediaType: string }[] }).manifests };
    };
    expect((await list()).manifests.map(({ artifactType }) => artifactType).sort()).toEqual(['application/list', 'application/sbom', mediaTypes.config]);
    expect(await list('?artifactType=application/sbom')).toMatchObject({ filters: 'artifactType', manifests: [{ mediaType: mediaTypes.manifest, annotations: { a: 'b' } }] });
    expect(await list('', digestOf('nothing refers to this'))).toEqual({ filters: null, manifests: [] });
    expect((await call(`/v2/${name}/referrers/rubbish`)).status).toBe(400);
    const gone = (await call(`/v2/${name}/manifests/plain`, { method: 'HEAD' })).headers.get('docker-content-digest') ?? '';
    await call(`/v2/${name}/manifests/plain`, { method: 'DELETE' });
    await call(`/v2/${name}/manifests/${gone}`, { method: 'DELETE' });
    expect((await list()).manifests).toHaveLength(2);
  });

  it('come in pages that a client can read', async () => {
    const name = 'lists/many';
    const subject = { mediaType: mediaTypes.manifest, digest: digestOf('a subject with long annotations'), size: 31 };
    for (const tag of ['a', 'b', 'c', 'd', 'e']) await putManifest(name, tag, await imageManifest(name, tag, { subject, annotations: { long: 'x'.repeat(900_000) } }));
    const digests: string[] = [];
    const pages: number[] = [];
    for (let at: string | undefined = `/v2/${name}/referrers/${subject.digest}?artifactType=${encodeURIComponent(mediaTypes.config)}`; at !== undefined; ) {
      const response: Response = await call(at);
      const text = await response.text();
      expect(text.length).toBeLessThan(manifestLimit);
      const { manifests } = JSON.parse(text) as { manifests: { digest: string }[] };
      pages.push(manifests.length);
      digests.push(...manifests.map(({ digest }) => digest));
      at = /<(.*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
    }
    expect(pages).toEqual([2, 2, 1]);
    expect(new Set(digests).size).toBe(5);
  });
});

describe('the catalogue', () => {
  it('is for those who may list all image streams, sorted, in pages', async () => {
    const read = async (query: string) => {
      const response = await call(`/v2/_catalog${query}`);
      return { repositories: ((await response.json()) as { repositories: string[] }).repositories, link: response.headers.get('link') };
    };
    for (const name of ['catalog/b', 'catalog/a', 'catalog/c']) await putManifest(name, 'v1', await imageManifest(name, name));
    const { repositories } = await read('');
    expect(repositories).toEqual([...repositories].sort());
    expect(repositories).toEqual(expect.arrayContaining(['catalog/a', 'catalog/b', 'catalog/c']));
    expect(await read('?n=2&last=catalog/')).toEqual({ repositories: ['catalog/a', 'catalog/b'], link: '</v2/_catalog?n=2&last=catalog%2Fb>; rel="next"' });
    const refused = await call('/v2/_catalog', { as: 'builder' });
    expect([refused.status, await codeOf(refused)]).toEqual([403, 'DENIED']);
    expect((await call('/v2/_catalog', { as: '' })).status).toBe(401);
  });
});

describe('content', () => {
  it('is deleted by those who may prune, unless a repository holds it', async () => {
    const { digest } = await pushBlob('admin/one', 'to be deleted');
    const remove = async (as: string) => {
      const response = await call(`/admin/blobs/${digest}`, { method: 'DELETE', as });
      return [response.status, response.status === 204 ? undefined : await codeOf(response)];
    };
    expect(await remove('builder')).toEqual([403, 'DENIED']);
    expect(await remove('admin')).toEqual([405, 'UNSUPPORTED']);
    await call(`/v2/admin/one/blobs/${digest}`, { method: 'DELETE' });
    expect(await remove('admin')).toEqual([204, undefined]);
    expect(await remove('admin')).toEqual([404, 'BLOB_UNKNOWN']);
  });
});

describe('access', () => {
  const challenge = () => `Bearer realm="${registry.url}/openshift/token"`;
  const basic = (password: string) => ({ authorization: `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}` });
  it('asks for a token and gives one for a password that is an API token', async () => {
    const asked = await call('/v2/', { as: '' });
    expect([asked.status, asked.headers.get('www-authenticate'), await codeOf(asked)]).toEqual([401, challenge(), 'UNAUTHORIZED']);
    const token = async (headers = {}) => {
      const response = await call('/openshift/token', { as: '', headers });
      return [response.status, ((await response.json()) as { token?: string }).token];
    };
    expect(await token()).toEqual([200, 'anonymous']);
    expect(await token(basic('reader'))).toEqual([200, 'reader']);
    expect((await token(basic('guess')))[0]).toBe(401);
    expect((await call('/v2/', { as: 'reader' })).status).toBe(200);
    expect((await call('/v2/', { as: '', headers: basic('reader') })).status).toBe(200);
    expect((await call('/v2/', { as: 'guess' })).status).toBe(401);
  });

  it.each([
    ['builder', 'demo', [202, 200]],
    ['builder', 'other', [403, 403]],
    ['reader', 'demo', [403, 200]],
    ['anonymous', 'open', [401, 200]],
    ['anonymous', 'demo', [401, 401]],
    ['', 'open', [401, 401]],
  ])('token "%s" in project %s', async (as, namespace, expected) => {
    await putManifest(`${namespace}/access`, 'here', await imageManifest(`${namespace}/access`, 'access'));
    const push = await call(`/v2/${namespace}/access/blobs/uploads/`, { method: 'POST', as });
    const pull = await call(`/v2/${namespace}/access/tags/list`, { as });
    expect([push.status, pull.status]).toEqual(expected);
    if (as === 'anonymous' && push.status === 401) expect(push.headers.get('www-authenticate')).toBe(challenge());
  });

  it('lets nobody mount what they may not pull, nor delete without the right', async () => {
    const { digest } = await pushBlob('private/stream', 'private');
    const mount = await call(`/v2/demo/stream/blobs/uploads/?mount=${digest}&from=private/stream`, { method: 'POST', as: 'builder' });
    expect(mount.status).toBe(202);
    expect((await call(`/v2/private/stream/blobs/${digest}`, { method: 'DELETE', as: 'builder' })).status).toBe(403);
    expect((await call('/v2/demo/access/manifests/here', { method: 'DELETE', as: 'reader' })).status).toBe(403);
  });
});

describe('the disk', () => {
  it('holds no unfinished content after a restart, everything that was acknowledged, and uploads that go on', async () => {
    const home = join(directory, 'restart');
    mkdirSync(join(home, 'uploads'), { recursive: true });
    mkdirSync(join(home, 'blobs/sha256'), { recursive: true });
    writeFileSync(join(home, 'uploads/left'), 'half');
    writeFileSync(join(home, 'blobs/sha256/.tmp-left'), 'half');
    const first = await startRegistry({ directory: home });
    const digest = digestOf('kept');
    const headers = { authorization: 'Bearer admin' };
    await fetch(`${first.url}/v2/demo/kept/blobs/uploads/?digest=${digest}`, { method: 'POST', body: 'kept', headers });
    const upload = (await fetch(`${first.url}/v2/demo/kept/blobs/uploads/`, { method: 'POST', headers })).headers.get('location') ?? '';
    await fetch(`${first.url}${upload}`, { method: 'PATCH', body: 'one half', headers });
    await first.close();
    const second = await startRegistry({ directory: home });
    expect(readdirSync(join(home, 'uploads'))).toHaveLength(2);
    expect(readdirSync(join(home, 'blobs/sha256'))).toEqual([digest.slice(7)]);
    expect(await (await fetch(`${second.url}/v2/demo/kept/blobs/${digest}`, { headers })).text()).toBe('kept');
    expect((await fetch(`${second.url}${upload}`, { headers })).headers.get('range')).toBe('0-7');
    const whole = digestOf('one half and the other');
    const put = await fetch(`${second.url}${upload}?digest=${whole}`, { method: 'PUT', body: ' and the other', headers: { ...headers, 'content-range': '8-21' } });
    expect(put.status).toBe(201);
    expect(await (await fetch(`${second.url}/v2/demo/kept/blobs/${whole}`, { headers })).text()).toBe('one half and the other');
    expect(readdirSync(join(home, 'uploads'))).toEqual([]);
    await second.close();
  });
});
