import { describe, expect, test } from 'vitest';
import { containerEnvironment, type EnvironmentSources } from '../../../../src/agent/env/environment.ts';
import { environmentOf } from '../../../../src/agent/env/environment-source.ts';
import { expand } from '../../../../src/agent/env/expand.ts';
import { serviceEnvironment } from '../../../../src/agent/env/service-environment.ts';
import type { Container, Service } from '../../../../src/api/kinds/core.ts';
import { pod } from '../../../support/agent/pod-documents.ts';

const facts = { podIp: '10.128.0.5', hostIp: '100.64.0.2', allocatable: { milliCpu: 4000, memory: 8 * 2 ** 30, disk: 2 ** 36 } };
const sources: EnvironmentSources = {
  configMap: (name) => (name === 'settings' ? { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { COLOUR: 'blue', SIZE: '4' } } : undefined),
  secret: (name) => (name === 'keys' ? { apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: { token: Buffer.from('s3cret').toString('base64') } } : undefined),
  base: { WEB_SERVICE_HOST: '172.30.1.2' },
  facts,
};

function env(container: Partial<Container>): Record<string, string> {
  const one: Container = { name: 'web', image: 'a', ...container };
  return Object.fromEntries(containerEnvironment(pod({ containers: [one] }, { labels: { app: 'web' } }), one, sources).map(({ name, value }) => [name, value]));
}

describe('the environment of a container', () => {
  test('takes literals, config maps, secrets, fields and resources', () => {
    expect(env({
      resources: { limits: { cpu: '500m', memory: '64Mi' } },
      env: [
        { name: 'A', value: 'one' },
        { name: 'B', value: '$(A)-$(WEB_SERVICE_HOST)-$(NOBODY)-$$(A)' },
        { name: 'C', valueFrom: { configMapKeyRef: { name: 'settings', key: 'COLOUR' } } },
        { name: 'D', valueFrom: { secretKeyRef: { name: 'keys', key: 'token' } } },
        { name: 'E', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'F', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: 'G', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
        { name: 'H', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
        { name: 'I', valueFrom: { secretKeyRef: { name: 'gone', key: 'x', optional: true } } },
      ],
    })).toEqual({ A: 'one', B: 'one-172.30.1.2-$(NOBODY)-$(A)', C: 'blue', D: 's3cret', E: '10.128.0.5', F: 'web', G: '64', H: '1', WEB_SERVICE_HOST: '172.30.1.2' });
  });

  test('lets env win over envFrom and both over services', () => {
    expect(env({ envFrom: [{ configMapRef: { name: 'settings' }, prefix: 'P_' }, { configMapRef: { name: 'settings' } }], env: [{ name: 'SIZE', value: '9' }, { name: 'WEB_SERVICE_HOST', value: 'mine' }] })).toEqual({
      P_COLOUR: 'blue', P_SIZE: '4', COLOUR: 'blue', SIZE: '9', WEB_SERVICE_HOST: 'mine',
    });
  });

  test('says what is missing', () => {
    expect(() => env({ envFrom: [{ configMapRef: { name: 'gone' } }] })).toThrow('configmap "gone" not found');
    expect(() => env({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'gone', key: 'x' } } }] })).toThrow('secret "gone" not found');
    expect(() => env({ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'x' } } }] })).toThrow("couldn't find key x in ConfigMap demo/settings");
  });

  test('expands as Kubernetes does', () => {
    const cases: [string, string][] = [['$(A)', '1'], ['$$(A)', '$(A)'], ['$$$(A)', '$1'], ['$(B)', '$(B)'], ['$A', '$A'], ['$(A', '$(A'], ['100$', '100$']];
    for (const [text, expected] of cases) expect(expand(text, (name) => (name === 'A' ? '1' : undefined))).toBe(expected);
  });
});

describe('the variables of services', () => {
  const service = (name: string, namespace: string, clusterIP: string): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { clusterIP, ports: [{ name: 'http', port: 8080, protocol: 'TCP' }] } });

  test('have Docker\'s old names too, and headless services have none', () => {
    expect(serviceEnvironment([service('my-db', 'demo', '172.30.9.9'), service('headless', 'demo', 'None')])).toEqual({
      MY_DB_SERVICE_HOST: '172.30.9.9', MY_DB_SERVICE_PORT: '8080', MY_DB_SERVICE_PORT_HTTP: '8080', MY_DB_PORT: 'tcp://172.30.9.9:8080',
      MY_DB_PORT_8080_TCP: 'tcp://172.30.9.9:8080', MY_DB_PORT_8080_TCP_PROTO: 'tcp', MY_DB_PORT_8080_TCP_PORT: '8080', MY_DB_PORT_8080_TCP_ADDR: '172.30.9.9',
    });
  });

  test('leave a proxy alone that the user has chosen, in either spelling', async () => {
    const parts = {
      configMaps: undefined as never, secrets: undefined as never,
      services: { list: (namespace: string) => (namespace === 'default' ? [service('kubernetes', 'default', '172.30.0.1')] : [service('db', 'demo', '172.30.1.1')]) },
      addressOf: (host: string, port: number) => ({ host, port }),
      egress: () => ({ HTTP_PROXY: 'relay', http_proxy: 'relay', NO_PROXY: 'cluster' }),
    };
    const container: Container = { name: 'web', image: 'a', env: [{ name: 'http_proxy', value: 'corporate' }] };
    const names = (found: { name: string; value: string }[]) => Object.fromEntries(found.map(({ name, value }) => [name, value]));
    const linked = names(await environmentOf(parts, pod({ containers: [container] }), container, facts));
    expect(linked).toMatchObject({ http_proxy: 'corporate', NO_PROXY: 'cluster', KUBERNETES_SERVICE_HOST: '172.30.0.1', DB_SERVICE_HOST: '172.30.1.1' });
    expect(linked).not.toHaveProperty('HTTP_PROXY');
    expect(names(await environmentOf(parts, pod({ containers: [container], enableServiceLinks: false }), container, facts))).not.toHaveProperty('DB_SERVICE_HOST');
  });
});
