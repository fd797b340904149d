import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { formatReference, internalReference, isInternal, manifestKey, parseReference } from '../../../src/oci/reference.ts';

const digest = digestOf('x');

describe('parseReference', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx', 'latest'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27', '1.27'],
    ['bitnami/redis', 'docker.io/bitnami/redis', 'latest'],
    ['index.docker.io/nginx', 'docker.io/library/nginx', 'latest'],
    ['localhost/app', 'localhost/app', 'latest'],
    ['localhost:5000/a/b:t', 'localhost:5000/a/b:t', 't'],
    ['127.0.0.1:5000/a', '127.0.0.1:5000/a', 'latest'],
    ['[::1]:5000/a', '[::1]:5000/a', 'latest'],
    ['quay.io/a__b/c.d-e:T_1', 'quay.io/a__b/c.d-e:T_1', 'T_1'],
    [`quay.io/a/b:t@${digest}`, `quay.io/a/b:t@${digest}`, digest],
    [`docker-registry.default.svc:5000/demo/web@${digest}`, `docker-registry.default.svc:5000/demo/web@${digest}`, digest],
  ])('%s', (text, full, key) => {
    const reference = parseReference(text);
    expect(formatReference(reference)).toBe(full);
    expect(parseReference(full)).toEqual(reference);
    expect(manifestKey(reference)).toBe(key);
  });

  it.each(['', 'UPPER', 'quay.io/', 'a//b', 'a/b:', 'a:b:c', 'a@sha256:abc', `a@${digest}x`, '-a', 'quay.io/a b', 'a/../b', 'http://quay.io/a', `${'a/'.repeat(130)}a`])('refuses %j', (text) => {
    expect(() => parseReference(text)).toThrow('invalid image reference');
  });

  it('knows the platform’s own registry', () => {
    expect(isInternal(parseReference(internalReference('demo', 'web', { tag: 'latest' })))).toBe(true);
    expect(isInternal(parseReference('quay.io/demo/web'))).toBe(false);
  });
});
