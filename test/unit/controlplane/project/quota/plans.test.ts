import { describe, expect, test } from 'vitest';
import type { PersistentVolumeClaim, Pod, Service } from '../../../../../src/api/kinds/core.ts';
import type { LimitRange, ResourceQuota } from '../../../../../src/api/kinds/quota.ts';
import { applyRanges, claimViolations, defaultRange, podViolations } from '../../../../../src/controlplane/project/quota/limit-range-plan.ts';
import { countedBy, missingRequests, quotaRefusal, usageOf } from '../../../../../src/controlplane/project/quota/quota-plan.ts';
import { statusOf } from '../../../../../src/controlplane/project/quota/quota-controller.ts';

type Resources = { limits?: Record<string, string>; requests?: Record<string, string> };
const pod = (containers: Resources[], spec: Partial<Pod['spec']> = {}, status?: Pod['status']): Pod => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1', namespace: 'demo' }, spec: { containers: containers.map((resources, index) => ({ name: `c${index}`, image: 'a', resources })), ...spec }, ...(status && { status }),
});
const range = (...limits: object[]): LimitRange => ({ apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'limits', namespace: 'demo' }, spec: { limits: limits as never } });
const quota = (hard: Record<string, string>, spec: object = {}): ResourceQuota => ({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'quota', namespace: 'demo' }, spec: { hard, ...spec } as never });

describe('a limit range', () => {
  test('is completed by what it says', () => {
    const one = range({ type: 'Container', max: { memory: '1Gi', cpu: '2' }, min: { cpu: '100m' }, default: { memory: '512Mi' } }, { type: 'Pod', max: { memory: '2Gi' } });
    defaultRange(one);
    expect(one.spec?.limits).toEqual([
      { type: 'Container', max: { memory: '1Gi', cpu: '2' }, min: { cpu: '100m' }, default: { memory: '512Mi', cpu: '2' }, defaultRequest: { memory: '512Mi', cpu: '2' } },
      { type: 'Pod', max: { memory: '2Gi' } },
    ]);
  });

  test('fills in what containers leave out, and notes it', () => {
    const one = pod([{}, { limits: { memory: '1Gi' }, requests: { memory: '1Gi' } }]);
    applyRanges([range({ type: 'Container', default: { memory: '512Mi', cpu: '1' }, defaultRequest: { memory: '256Mi' } })], one);
    expect(one.spec.containers.map(({ resources }) => resources)).toEqual([
      { limits: { memory: '512Mi', cpu: '1' }, requests: { memory: '256Mi' } },
      { limits: { memory: '1Gi', cpu: '1' }, requests: { memory: '1Gi' } },
    ]);
    expect(one.metadata.annotations).toEqual({ 'kubernetes.io/limit-ranger': 'LimitRanger plugin set: memory request for container c0; cpu, memory limit for container c0; cpu limit for container c1' });
  });

  test('leaves alone what says everything', () => {
    const one = pod([{ limits: { memory: '1Gi' }, requests: { memory: '1Gi' } }]);
    applyRanges([range({ type: 'Container', default: { memory: '512Mi' } })], one);
    expect(one.metadata.annotations).toBeUndefined();
  });

  test.each<[string, object, Pod, string[]]>([
    ['within', { type: 'Container', max: { memory: '1Gi' }, min: { memory: '1Mi' } }, pod([{ limits: { memory: '1Gi' }, requests: { memory: '1Mi' } }]), []],
    ['above the largest', { type: 'Container', max: { memory: '1Gi' } }, pod([{ limits: { memory: '2Gi' }, requests: { memory: '1Mi' } }]), ['maximum memory usage per Container is 1Gi, but limit is 2Gi']],
    ['without a limit', { type: 'Container', max: { cpu: '1' } }, pod([{}]), ['maximum cpu usage per Container is 1.  No limit is specified']],
    ['below the smallest', { type: 'Container', min: { memory: '100Mi' } }, pod([{ requests: { memory: '50Mi' } }, {}]), ['minimum memory usage per Container is 100Mi, but request is 50Mi', 'minimum memory usage per Container is 100Mi.  No request is specified']],
    ['too far between request and limit', { type: 'Container', maxLimitRequestRatio: { cpu: '2' } }, pod([{ limits: { cpu: '1' }, requests: { cpu: '250m' } }]), ['cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000']],
    ['too much together', { type: 'Pod', max: { memory: '1Gi' } }, pod([{ limits: { memory: '600Mi' } }, { limits: { memory: '600Mi' } }]), ['maximum memory usage per Pod is 1Gi, but limit is 1200Mi']],
    ['a large init container', { type: 'Pod', max: { cpu: '1' } }, pod([{ limits: { cpu: '500m' } }], { initContainers: [{ name: 'i', image: 'a', resources: { limits: { cpu: '1500m' } } }] }), ['maximum cpu usage per Pod is 1, but limit is 1500m']],
  ])('judges a pod: %s', (_, item, one, expected) => {
    expect(podViolations([range(item)], one)).toEqual(expected);
  });

  test('judges claims', () => {
    const claim = (storage: string): PersistentVolumeClaim => ({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data' }, spec: { resources: { requests: { storage } } } });
    const of = range({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '5Gi' } });
    expect(claimViolations([of], claim('2Gi'))).toEqual([]);
    expect(claimViolations([of], claim('1Mi'))).toEqual(['minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi']);
    expect(claimViolations([of], claim('6Gi'))).toEqual(['maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 6Gi']);
  });
});

describe('a quota', () => {
  const pods = { plural: 'pods', group: '' };
  test.each<[string, ResourceQuota, Pod, Record<string, number>]>([
    ['requests and limits', quota({ pods: '5', cpu: '1', 'requests.memory': '1Gi', 'limits.memory': '1Gi' }), pod([{ requests: { cpu: '250m', memory: '100' }, limits: { memory: '200' } }, { requests: { cpu: '250m' } }]), { pods: 1, cpu: 0.5, 'requests.memory': 100, 'limits.memory': 200 }],
    ['an init container only where it is larger', quota({ 'requests.cpu': '1' }), pod([{ requests: { cpu: '1' } }], { initContainers: [{ name: 'i', image: 'a', resources: { requests: { cpu: '3' } } }] }), { 'requests.cpu': 3 }],
    ['of one that has ended its name', quota({ pods: '5', 'requests.cpu': '1', 'count/pods': '9' }), pod([{ requests: { cpu: '1' } }], {}, { phase: 'Succeeded' }), { 'count/pods': 1 }],
    ['nothing out of its scope', quota({ pods: '5' }, { scopes: ['BestEffort'] }), pod([{ requests: { cpu: '1' } }]), {}],
    ['what is in its scope', quota({ pods: '5' }, { scopes: ['NotBestEffort', 'NotTerminating'] }), pod([{ requests: { cpu: '1' } }]), { pods: 1 }],
    ['pods of a class', quota({ pods: '5' }, { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] } }), pod([{}], { priorityClassName: 'high' }), { pods: 1 }],
    ['no pods of another class', quota({ pods: '5' }, { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] } }), pod([{}]), {}],
  ])('counts %s', (_, one, object, expected) => {
    expect(Object.fromEntries(usageOf(pods, object, one))).toEqual(expected);
  });

  test('counts services, claims and anything by its kind', () => {
    const service = (spec: object): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { ports: [{ port: 80 }, { port: 81 }], ...spec } as Service['spec'] });
    const services = { plural: 'services', group: '' };
    const hard = { services: '5', 'services.nodeports': '5', 'services.loadbalancers': '5' };
    expect(Object.fromEntries(usageOf(services, service({ type: 'ClusterIP' }), quota(hard)))).toEqual({ services: 1 });
    expect(Object.fromEntries(usageOf(services, service({ type: 'LoadBalancer' }), quota(hard)))).toEqual({ services: 1, 'services.nodeports': 2, 'services.loadbalancers': 1 });
    const claim: PersistentVolumeClaim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data' }, spec: { storageClassName: 'local', resources: { requests: { storage: '1Ki' } } } };
    expect(Object.fromEntries(usageOf({ plural: 'persistentvolumeclaims', group: '' }, claim, quota({ 'requests.storage': '1Gi', 'local.storageclass.storage.k8s.io/requests.storage': '1Gi', 'gold.storageclass.storage.k8s.io/persistentvolumeclaims': '1' })))).toEqual({
      'requests.storage': 1024, 'local.storageclass.storage.k8s.io/requests.storage': 1024,
    });
    expect(countedBy('count/deployments.apps')).toEqual({ plural: 'deployments', group: 'apps' });
    expect(countedBy('openshift.io/images')).toBeUndefined();
    expect(countedBy('nonsense')).toBeUndefined();
  });

  test('refuses what goes beyond it, in the server\'s words', () => {
    const one = quota({ pods: '2', 'requests.cpu': '1', 'requests.memory': '1Gi' });
    expect(quotaRefusal(one, new Map([['pods', 1]]), new Map([['pods', 1]]))).toBeUndefined();
    expect(quotaRefusal(one, new Map([['pods', 2], ['requests.cpu', 0.75], ['requests.memory', 2 ** 20]]), new Map([['pods', 1], ['requests.cpu', 0.5], ['requests.memory', 2 ** 20]]))).toBe(
      'exceeded quota: quota, requested: pods=1,requests.cpu=500m, used: pods=2,requests.cpu=750m, limited: pods=2,requests.cpu=1',
    );
    expect(missingRequests(one, pod([{ requests: { cpu: '1' } }, { requests: { cpu: '1', memory: '1' } }]))).toBe('failed quota: quota: must specify requests.memory for: c0');
    expect(missingRequests(one, pod([{ requests: { cpu: '1', memory: '1' } }]))).toBeUndefined();
  });

  test('says in its status what is used, and leaves to others what is theirs', () => {
    const one = { ...quota({ pods: '2', 'requests.cpu': '1', 'openshift.io/images': '5' }), status: { hard: { 'openshift.io/images': '5', services: '1' }, used: { 'openshift.io/images': '3', services: '0' } } };
    const usage = { of: () => new Map([['pods', 1], ['requests.cpu', 0.25]]) };
    expect(statusOf(one, usage)).toEqual({ hard: { pods: '2', 'requests.cpu': '1', services: null }, used: { pods: '1', 'requests.cpu': '250m', services: null } });
    expect(statusOf({ ...one, status: { hard: { pods: '2', 'requests.cpu': '1', 'openshift.io/images': '5' }, used: { pods: '1', 'requests.cpu': '250m', 'openshift.io/images': '3' } } }, usage)).toBeUndefined();
  });
});
