/** What is refused of pods, in the real server's words. */
import { describe, expect, test } from 'vitest';
import type { PodSpec } from '../../../src/api/kinds/core.ts';
import { validateEphemeralContainers, validatePodSpec } from '../../../src/api/pod-validation.ts';

const web = { name: 'web', image: 'a' };
const said = (spec: object, path?: string) => validatePodSpec(spec as PodSpec, path).map(({ field, message }) => `${field}: ${message}`);
const at = 'spec.containers[0]';
const ofWeb = (more: object, pod: object = {}) => said({ containers: [{ ...web, ...more }], ...pod });
const probe = (handler: object) => ({ livenessProbe: handler });
const qualified = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

describe('of a container', () => {
  test.each<[string, object, string[]]>([
    ['nothing', { livenessProbe: { httpGet: { port: 'web', scheme: 'HTTPS' }, terminationGracePeriodSeconds: 3 }, readinessProbe: { grpc: { port: 1 } }, lifecycle: { preStop: { sleep: { seconds: 30 } }, postStart: { exec: { command: ['x'] } } }, resources: { limits: { cpu: '1', 'example.com/x': 2 }, requests: { 'example.com/x': 2, memory: '1Mi' } } }, []],
    ['a probe without a command', probe({ exec: {} }), [`${at}.livenessProbe.exec.command: Required value`]],
    ['two ways to probe', probe({ exec: { command: ['a'] }, tcpSocket: { port: 1 } }), [`${at}.livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type`]],
    ['a probe of no port', probe({ tcpSocket: { port: 0 } }), [`${at}.livenessProbe.tcpSocket.port: Invalid value: 0: must be between 1 and 65535, inclusive`]],
    ['a probe of a port without a name', probe({ httpGet: { port: '8080' } }), [`${at}.livenessProbe.httpGet.port: Invalid value: "8080": must contain at least one letter (a-z)`]],
    ['a probe by another protocol', probe({ httpGet: { port: 80, scheme: 'FTP' } }), [`${at}.livenessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"`]],
    ['an own grace of a readiness probe', { readinessProbe: { exec: { command: ['a'] }, terminationGracePeriodSeconds: 5 } }, [`${at}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes`]],
    ['no grace of a startup probe', { startupProbe: { exec: { command: ['a'] }, terminationGracePeriodSeconds: 0 } }, [`${at}.startupProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0`]],
    ['two hooks in one', { lifecycle: { preStop: { exec: { command: ['a'] }, httpGet: { port: 80 } } } }, [`${at}.lifecycle.preStop.httpGet: Forbidden: may not specify more than 1 handler type`]],
    ['a hook of nothing', { lifecycle: { postStart: {} } }, [`${at}.lifecycle.postStart: Required value: must specify a handler type`]],
    ['a longer sleep than its grace', { lifecycle: { preStop: { sleep: { seconds: 31 } } } }, [`${at}.lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)`]],
    ['a resource nobody knows', { resources: { limits: { gpu: 1 } } }, [`${at}.resources.limits: Invalid value: "gpu": must be a standard resource for containers`]],
    ['half of a device', { resources: { limits: { 'example.com/x': '500m' } } }, [`${at}.resources.limits[example.com/x]: Invalid value: "500m": must be an integer`]],
    ['a device without a limit', { resources: { requests: { 'example.com/x': 1 } } }, [`${at}.resources.limits: Required value: Limit must be set for non overcommitable resources`]],
    ['fewer devices than the limit', { resources: { requests: { 'example.com/x': 1 }, limits: { 'example.com/x': 2 } } }, [`${at}.resources.requests: Invalid value: "1": must be equal to example.com/x limit of 2`]],
    ['more than the limit', { resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }, [`${at}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1`]],
    ['a claim of nothing', { resources: { claims: [{ name: 'gpu' }] } }, [`${at}.resources.claims[0]: Not found: "gpu": must be one of the names in pod.spec.resourceClaims which is empty`]],
    ['powers without more powers', { securityContext: { privileged: true, allowPrivilegeEscalation: false } }, [`${at}.securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set \`allowPrivilegeEscalation\` to false and \`privileged\` to true`]],
    ['a user below the first', { securityContext: { runAsUser: -5 } }, [`${at}.securityContext.runAsUser: Invalid value: -5: must be between 0 and 2147483647, inclusive`]],
    ['a device that is no volume', { volumeDevices: [{ name: 'disk', devicePath: '/dev/x' }] }, [`${at}.volumeDevices[0].name: Not found: "disk"`]],
    ['a policy of its own', { restartPolicy: 'Always' }, [`${at}.restartPolicy: Forbidden: may not be set for non-init containers`]],
  ])('%s', (_, more, expected) => expect(ofWeb(more)).toEqual(expected));
});

describe('of a pod', () => {
  test.each<[string, object, string[]]>([
    ['an init container that restarts on failure', { initContainers: [{ ...web, name: 'i', restartPolicy: 'OnFailure' }] }, ['spec.initContainers[0].restartPolicy: Unsupported value: "OnFailure": supported values: "Always"']],
    ['an init container that is probed', { initContainers: [{ ...web, name: 'i', readinessProbe: { exec: { command: ['a'] } } }] }, ['spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always']],
    ['a toleration of any value of one', { tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }] }, ['spec.tolerations[0].operator: Invalid value: {"key":"a","operator":"Exists","value":"b"}: value must be empty when `operator` is \'Exists\'']],
    ['a toleration of nothing', { tolerations: [{ value: 'b' }] }, ['spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"']],
    ['patience with what ends nothing', { tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoSchedule', tolerationSeconds: 3 }] }, ['spec.tolerations[0].effect: Invalid value: "NoSchedule": effect must be \'NoExecute\' when `tolerationSeconds` is set']],
    ['no skew at all', { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }] }, ['spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero']],
    ['a label no node can have', { nodeSelector: { 'bad key!': 'x' } }, [`spec.nodeSelector: Invalid value: "bad key!": ${qualified}`]],
    ['a gate no condition can be', { readinessGates: [{ conditionType: 'bad type!' }] }, [`spec.readinessGates[0].conditionType: Invalid value: "bad type!": ${qualified}`]],
    ['an alias of no address', { hostAliases: [{ ip: 'here', hostnames: ['a.b'] }, { ip: '::1', hostnames: ['x'] }] }, ['spec.hostAliases[0].ip: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
    ['a group below the first', { securityContext: { fsGroup: -1 } }, ['spec.securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive']],
    ['debugging containers from the start', { ephemeralContainers: [web] }, ['spec.ephemeralContainers: Forbidden: cannot be set on create']],
  ])('%s', (_, pod, expected) => expect(ofWeb({}, pod)).toEqual(expected));

  test('the path is that of the template', () => expect(said({ containers: [{ ...web, resources: { limits: { gpu: 1 } } }], ephemeralContainers: [web] }, 'spec.template.spec')).toEqual([
    'spec.template.spec.containers[0].resources.limits: Invalid value: "gpu": must be a standard resource for containers', 'spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template',
  ]));
});

test('of a debugging container', () => {
  const debugging = (more: object, existing: string[] = []) => validateEphemeralContainers({ containers: [web], ephemeralContainers: [{ name: 'd', image: 'a', ...more }] } as PodSpec, new Set(existing)).map(({ field, message }) => `${field}: ${message}`);
  const first = 'spec.ephemeralContainers[0]';
  expect(debugging({ targetContainerName: 'web', stdin: true, resources: {} })).toEqual([]);
  expect(debugging({ targetContainerName: 'nobody' })).toEqual([`${first}.targetContainerName: Not found: "nobody"`]);
  expect(debugging({ name: 'web' })).toEqual([`${first}.name: Duplicate value: "web"`]);
  expect(debugging({ ports: [{ containerPort: 1 }], livenessProbe: { exec: { command: ['a'] } }, volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'x' }] })).toEqual([
    `${first}.ports: Forbidden: cannot be set for an Ephemeral Container`, `${first}.livenessProbe: Forbidden: cannot be set for an Ephemeral Container`, `${first}.volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral Container`,
  ]);
  expect(debugging({ ports: [{ containerPort: 1 }] }, ['d'])).toEqual([]);
});
