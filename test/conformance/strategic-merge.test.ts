/** Strategic merge patches give what kubectl's own (compiled from the Go types) gives. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JsonObject } from '../../src/api/json.ts';
import { strategicMerge } from '../../src/api/patch/strategic-merge.ts';
import { typeOfKind } from '../../src/api/schema/notation.ts';

const run = promisify(execFile);
const installed = realpathSync('/usr/bin/kubectl');
const kubectl = existsSync(`${installed}.1.32`) ? `${installed}.1.32` : installed;

let home: string;
beforeAll(() => {
  home = mkdtempSync(path.join(tmpdir(), 'slipway-smp-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const deployment = {
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd', labels: { a: '1', b: '2' }, finalizers: ['x/a', 'x/b'] },
  spec: {
    replicas: 1, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } }, selector: { matchLabels: { a: 'b' } },
    template: {
      metadata: { labels: { a: 'b' } },
      spec: {
        nodeSelector: { disk: 'ssd', zone: 'z' },
        tolerations: [{ key: 'k1', operator: 'Exists' }],
        imagePullSecrets: [{ name: 's1' }, { name: 's2' }],
        hostAliases: [{ ip: '1.1.1.1', hostnames: ['a'] }],
        volumes: [{ name: 'v1', emptyDir: {} }, { name: 'v2', configMap: { name: 'cm', items: [{ key: 'k', path: 'p' }] } }],
        containers: [
          { name: 'a', image: 'ia', args: ['1', '2'], env: [{ name: 'E1', value: '1' }, { name: 'E2', value: '2' }, { name: 'E3', value: '3' }], ports: [{ containerPort: 80 }, { containerPort: 81, name: 'x' }], volumeMounts: [{ name: 'v1', mountPath: '/a' }] },
          { name: 'b', image: 'ib', resources: { limits: { cpu: '1' } } },
          { name: 'c', image: 'ic' },
        ],
      },
    },
  },
};
const service = {
  apiVersion: 'v1', kind: 'Service', metadata: { name: 's' },
  spec: { selector: { a: 'b' }, externalIPs: ['9.9.9.9'], ports: [{ name: 'http', port: 80, targetPort: 8080 }, { name: 'https', port: 443 }] },
};
const template = (spec: object) => ({ spec: { template: { spec } } });

it.each<[string, JsonObject, object]>([
  ['an item changed', deployment, template({ containers: [{ name: 'b', image: 'new' }] })],
  ['an item added', deployment, template({ containers: [{ name: 'z', image: 'new' }] })],
  ['items added and changed', deployment, template({ containers: [{ name: 'z' }, { name: 'c', image: 'cc' }, { name: 'y' }, { name: 'a', args: ['x'] }] })],
  ['an item deleted', deployment, template({ containers: [{ name: 'b', $patch: 'delete' }] })],
  ['a list replaced', deployment, template({ containers: [{ $patch: 'replace' }, { name: 'only', image: 'x' }] })],
  ['an item replaced', deployment, template({ containers: [{ name: 'a', $patch: 'replace', image: 'whole' }] })],
  ['variables merged, one deleted', deployment, template({ containers: [{ name: 'a', env: [{ name: 'E2', $patch: 'delete' }, { name: 'E4', value: '4' }, { name: 'E1', value: 'one' }] }] })],
  ['an order given', deployment, template({ '$setElementOrder/containers': [{ name: 'c' }, { name: 'n' }, { name: 'a' }], containers: [{ name: 'n', image: 'x' }] })],
  ['an order given for all', deployment, template({ '$setElementOrder/containers': [{ name: 'c' }, { name: 'b' }, { name: 'a' }], containers: [{ name: 'a', image: 'x' }] })],
  ['an order alone', deployment, template({ '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }, { name: 'b' }] })],
  ['volumes with retained keys', deployment, template({ volumes: [{ name: 'v1', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/h' } }] })],
  ['a strategy with retained keys', deployment, { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } }],
  ['a map merged, a member removed', deployment, { metadata: { labels: { a: null, c: '3' } } }],
  ['a map replaced', deployment, template({ nodeSelector: { $patch: 'replace', only: 'this' } })],
  ['a list without a key', deployment, template({ tolerations: [{ key: 'k2' }] })],
  ['a scalar list merged', deployment, { metadata: { finalizers: ['x/c', 'x/a'] } }],
  ['a scalar list shortened', deployment, { metadata: { '$deleteFromPrimitiveList/finalizers': ['x/a'] } }],
  ['a scalar list shortened and ordered', deployment, { metadata: { '$deleteFromPrimitiveList/finalizers': ['x/a'], '$setElementOrder/finalizers': ['x/z', 'x/b'], finalizers: ['x/z'] } }],
  ['arguments replaced', deployment, template({ containers: [{ name: 'a', args: ['9'] }] })],
  ['aliases by address', deployment, template({ hostAliases: [{ ip: '2.2.2.2', hostnames: ['b'] }, { ip: '1.1.1.1', hostnames: ['c'] }] })],
  ['pull secrets', deployment, template({ imagePullSecrets: [{ name: 's3' }] })],
  ['fields removed', deployment, template({ nodeSelector: null, tolerations: null, containers: [{ name: 'b', resources: null }] })],
  ['ports of a service', service, { spec: { ports: [{ port: 443, targetPort: 'tls' }, { port: 90, name: 'new' }] } }],
  ['a plain list of a service', service, { spec: { externalIPs: ['8.8.8.8'], type: 'NodePort' } }],
])('%s', async (name, target, patch) => {
  const file = path.join(home, `${name.replaceAll(/\W/g, '-')}.json`);
  writeFileSync(file, JSON.stringify(target));
  const { stdout } = await run(kubectl, ['patch', '--local', '-f', file, '--type=strategic', '-p', JSON.stringify(patch), '-o', 'json'], { env: { HOME: home, PATH: process.env.PATH } });
  const ours = strategicMerge(typeOfKind(String(target.apiVersion), String(target.kind)), target, patch as JsonObject);
  expect(withoutNoise(ours)).toEqual(withoutNoise(JSON.parse(stdout)));
});

/** Go writes some absent things out: empty status, null times, empty structures. */
function withoutNoise(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNoise);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, one]) => key !== 'status' && key !== 'creationTimestamp' && one !== null)
      .map(([key, one]) => [key, withoutNoise(one)] as const)
      .filter(([, one]) => !(typeof one === 'object' && one !== null && !Array.isArray(one) && Object.keys(one).length === 0)),
  );
}
