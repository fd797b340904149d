import { describe, expect, test } from 'vitest';
import type { Container, PodSpec } from '../../../src/api/kinds/core.ts';
import { validatePodSpec } from '../../../src/api/pod-validation.ts';

const errors = (spec: Partial<PodSpec>) => validatePodSpec({ containers: [{ name: 'web', image: 'a' }], ...spec }).map(({ field, message }) => `${field}: ${message}`);
const ofVolume = (volume: object) => errors({ volumes: [{ name: 'v', ...volume }] as never });
const ofContainer = (container: Partial<Container>) => errors({ containers: [{ name: 'web', image: 'a', ...container }], volumes: [{ name: 'v', emptyDir: {} }] });
const at = 'spec.containers[0]';

describe('volumes', () => {
  test.each<[string, object, string[]]>([
    ['a token of ten minutes', { projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 600 } }] } }, []],
    ['a shorter one', { projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 599 } }] } }, ['spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes']],
    ['two sources in one', { projected: { sources: [{ configMap: { name: 'a' }, secret: { name: 'b' } }] } }, ['spec.volumes[0].projected.sources[0].secret: Forbidden: may not specify more than 1 volume type per source']],
    ['a mode of all bits', { configMap: { name: 'a', defaultMode: 0o777 } }, []],
    ['a mode beyond', { secret: { secretName: 'a', items: [{ key: 'k', path: 'p', mode: 0o1000 }] } }, ['spec.volumes[0].secret.items[0].mode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive']],
    ['paths that lead out', { configMap: { name: 'a', items: [{ key: 'k', path: '../x' }, { key: 'k', path: '/x' }, { key: 'k', path: '..x' }] } }, [
      'spec.volumes[0].configMap.items[0].path: Invalid value: "../x": must not contain \'..\'',
      'spec.volumes[0].configMap.items[1].path: Invalid value: "/x": must be a relative path',
      'spec.volumes[0].configMap.items[2].path: Invalid value: "..x": must not start with \'..\'',
    ]],
    ['labels as a file', { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }, []],
    ['an address as a file', { downwardAPI: { items: [{ path: 'ip', fieldRef: { fieldPath: 'status.podIP' } }] } }, ['spec.volumes[0].downwardAPI.items[0].fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"']],
    ['a resource of nobody', { downwardAPI: { items: [{ path: 'cpu', resourceFieldRef: { resource: 'limits.cpu' } }] } }, ['spec.volumes[0].downwardAPI.items[0].resourceFieldRef.containerName: Required value']],
    ['a host path of unknown type', { hostPath: { path: '/x', type: 'Pipe' } }, ['spec.volumes[0].hostPath.type: Unsupported value: "Pipe": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"']],
    ['a limit below nothing', { emptyDir: { sizeLimit: '-1' } }, ['spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity']],
    ['two kinds at once', { emptyDir: {}, hostPath: { path: '/x' } }, ['spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type']],
  ])('%s', (_, volume, expected) => {
    expect(ofVolume(volume)).toEqual(expected);
  });
});

describe('mounts and variables', () => {
  test.each<[string, Partial<Container>, string[]]>([
    ['read-only all the way down', { volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly: 'Enabled' }] }, []],
    ['all the way down, but not read-only', { volumeMounts: [{ name: 'v', mountPath: '/v', recursiveReadOnly: 'Enabled' }] }, [`${at}.volumeMounts[0].recursiveReadOnly: Forbidden: may only be specified when readOnly is true`]],
    ['passed on both ways', { volumeMounts: [{ name: 'v', mountPath: '/v', mountPropagation: 'Bidirectional' }] }, [`${at}.volumeMounts[0].mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers`]],
    ['a part that leads out', { volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'a/../../b' }] }, [`${at}.volumeMounts[0].subPath: Invalid value: "a/../../b": must not contain '..'`]],
    ['two on one path', { volumeMounts: [{ name: 'v', mountPath: '/v' }, { name: 'v', mountPath: '/v' }] }, [`${at}.volumeMounts[1].mountPath: Invalid value: "/v": must be unique`]],
    ['a volume that is not there', { volumeMounts: [{ name: 'w', mountPath: '/w' }] }, [`${at}.volumeMounts[0].name: Not found: "w"`]],
    ['a field that variables do not show', { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.labels' } } }] }, [`${at}.env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"`]],
    ['one label', { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } }] }, []],
    ['a crooked divisor', { env: [{ name: 'A', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '3' } } }, { name: 'B', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1Mi' } } }] }, [
      `${at}.env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "3": only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the memory resource`,
      `${at}.env[1].valueFrom.resourceFieldRef.divisor: Invalid value: "1Mi": only divisor's values 1m and 1 are supported with the cpu resource`,
    ]],
    ['two sources of one variable', { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'a', key: 'k' }, secretKeyRef: { name: 'b', key: 'k' } } }] }, [`${at}.env[0].valueFrom: Invalid value: "": may not have more than one field specified at a time`]],
    ['variables from nothing', { envFrom: [{ prefix: 'A=' }] }, [
      `${at}.envFrom[0].prefix: Invalid value: "A=": a valid environment variable name must consist only of printable ASCII characters other than '='`,
      `${at}.envFrom[0]: Invalid value: "": must specify one of: \`configMapRef\` or \`secretRef\``,
    ]],
  ])('%s', (_, container, expected) => {
    expect(ofContainer(container)).toEqual(expected);
  });
});
