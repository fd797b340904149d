import { describe, expect, test } from 'vitest';
import { podStatus } from '../../../../src/agent/status/pod-status.ts';
import type { StatusInput } from '../../../../src/agent/status/container-status.ts';
import { emptyMemory } from '../../../../src/agent/pods/pod-view.ts';
import { summarizePod } from '../../../../src/api/pod-summary.ts';
import { at, instance, observed, pod, sandbox, time } from '../../../support/agent/pod-documents.ts';

const web = { name: 'web', image: 'app:1' };
const log = { name: 'log', image: 'app:1' };
const init = { name: 'setup', image: 'app:1' };

const status = (input: Partial<StatusInput> & Pick<StatusInput, 'pod' | 'observed'>) => podStatus({ memory: emptyMemory, waiting: {}, hostIp: '100.64.0.2', now: time(60), ...input });

/** What `kubectl get pods` would print: `0/1 ContainerCreating 0`. */
function line(input: Parameters<typeof status>[0]): string {
  const { ready, status: text, restarts } = summarizePod({ ...input.pod, status: status(input) }, time(60));
  return `${ready} ${text} ${restarts}`;
}

describe('the line of a pod', () => {
  const cases: [name: string, expected: string, input: Parameters<typeof status>[0]][] = [
    ['being made', '0/1 ContainerCreating 0', { pod: pod({ containers: [web] }), observed: observed([], []) }],
    ['initialising', '0/1 Init:0/2 0', { pod: pod({ containers: [web], initContainers: [init, { name: 'second', image: 'b' }] }), observed: observed([instance('setup', 'run')]) }],
    ['at its second init container', '0/1 Init:1/2 0', { pod: pod({ containers: [web], initContainers: [init, { name: 'second', image: 'b' }] }), observed: observed([instance('setup', 'exit 0 0')]) }],
    ['with its init container done', '0/1 PodInitializing 0', { pod: pod({ containers: [web], initContainers: [init] }), observed: observed([instance('setup', 'exit 0 0')]) }],
    ['with a failed init container', '0/1 Init:Error 0', { pod: pod({ containers: [web], initContainers: [init], restartPolicy: 'Never' }), observed: observed([instance('setup', 'exit 0 1 @3')]) }],
    ['with an init container that crashes', '0/1 Init:CrashLoopBackOff 2 (50s ago)', { pod: pod({ containers: [web], initContainers: [init] }), observed: observed([instance('setup', 'exit 2 1 @10')]), waiting: { setup: { reason: 'CrashLoopBackOff' } } }],
    ['running', '1/1 Running 0', { pod: pod({ containers: [web] }), observed: observed([instance('web', 'run')]) }],
    ['not ready', '0/1 Running 0', { pod: pod({ containers: [web] }), observed: observed([instance('web', 'run')]), memory: { ...emptyMemory, probes: { 'web-0': { started: true, ready: false } } } }],
    ['whose app crashes', '0/1 CrashLoopBackOff 3 (30s ago)', { pod: pod({ containers: [web] }), observed: observed([instance('web', 'exit 2 1 @5'), instance('web', 'exit 3 1 @30')]), waiting: { web: { reason: 'CrashLoopBackOff' } } }],
    ['restarted', '1/1 Running 1 (40s ago)', { pod: pod({ containers: [web] }), observed: observed([instance('web', 'exit 0 1 @20'), instance('web', 'run 1')]) }],
    ['completed', '0/1 Completed 0', { pod: pod({ containers: [web], restartPolicy: 'Never' }), observed: observed([instance('web', 'exit 0 0 @20')]) }],
    ['failed', '0/1 Error 0', { pod: pod({ containers: [web], restartPolicy: 'Never' }), observed: observed([instance('web', 'exit 0 2 @20')]) }],
    ['out of memory', '0/1 OOMKilled 0', { pod: pod({ containers: [web], restartPolicy: 'Never' }), observed: observed([instance('web', 'exit 0 137 @20', { reason: 'OOMKilled' })]) }],
    ['half completed', '1/2 NotReady 0', { pod: pod({ containers: [web, log], restartPolicy: 'Never' }), observed: observed([instance('web', 'exit 0 0 @20'), instance('log', 'run')]) }],
    ['without its image', '0/1 ImagePullBackOff 0', { pod: pod({ containers: [web] }), observed: observed([]), waiting: { web: { reason: 'ImagePullBackOff' } } }],
    ['that ends', '1/1 Terminating 0', { pod: pod({ containers: [web] }, { deletionTimestamp: at(90) }), observed: observed([instance('web', 'run')]) }],
    ['with a sidecar', '2/2 Running 0', { pod: pod({ containers: [web], initContainers: [{ ...init, restartPolicy: 'Always' }] }), observed: observed([instance('setup', 'run'), instance('web', 'run')]) }],
  ];
  test.each(cases)('%s: %s', (_name, expected, input) => {
    expect(line(input)).toBe(expected);
  });
});

describe('the status', () => {
  test('of a running pod is the kubelet\'s', () => {
    const container = instance('web', 'run', { image: 'app:1', imageReference: 'registry/app@sha256:1' });
    expect(status({ pod: pod({ containers: [web] }), observed: observed([container]) })).toMatchObject({
      phase: 'Running',
      podIP: '10.128.0.5',
      podIPs: [{ ip: '10.128.0.5' }],
      hostIP: '100.64.0.2',
      qosClass: 'BestEffort',
      containerStatuses: [
        { name: 'web', ready: true, started: true, restartCount: 0, image: 'app:1', imageID: 'registry/app@sha256:1', containerID: 'slipway://web-0', state: { running: { startedAt: '2026-01-01T00:00:01Z' } }, lastState: {} },
      ],
    });
  });

  test('keeps the time of conditions that did not change', () => {
    const first = status({ pod: pod({ containers: [web] }), observed: observed([], []), now: time(1) });
    const second = status({ pod: pod({ containers: [web] }, { status: first }), observed: observed([instance('web', 'run')]), now: time(9) });
    const times = Object.fromEntries((second.conditions ?? []).map(({ type, status: value, lastTransitionTime }) => [type, `${value} ${lastTransitionTime}`]));
    expect(times).toMatchObject({ Initialized: 'True 2026-01-01T00:00:01Z', Ready: 'True 2026-01-01T00:00:09Z', ContainersReady: 'True 2026-01-01T00:00:09Z' });
    expect(second.startTime).toBe('2026-01-01T00:00:01Z');
  });

  test('tells which containers are not ready and waits for readiness gates', () => {
    const unready = status({ pod: pod({ containers: [web, log] }), observed: observed([instance('web', 'run')]) });
    expect(unready.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'False', reason: 'ContainersNotReady', message: 'containers with unready status: [log]' });
    const gated = status({ pod: pod({ containers: [web], readinessGates: [{ conditionType: 'example.com/lb' }] }), observed: observed([instance('web', 'run')]) });
    expect(gated.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'False', reason: 'ReadinessGatesNotReady' });
  });

  test('of a pod past its deadline is Failed once nothing runs any more, and for good', () => {
    const ended = { reason: 'DeadlineExceeded', message: 'late' };
    const ending = status({ pod: pod({ containers: [web] }), observed: observed([instance('web', 'run')]), memory: { ...emptyMemory, ended } });
    expect([ending.phase, ending.reason]).toEqual(['Running', undefined]);
    const over = status({ pod: pod({ containers: [web] }, { status: ending }), observed: observed([instance('web', 'exit 0 143')]), memory: { ...emptyMemory, ended } });
    expect(over).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded', message: 'late' });
    expect(status({ pod: pod({ containers: [web] }, { status: over }), observed: observed([], [sandbox(false)]) })).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded', containerStatuses: over.containerStatuses });
  });
});
