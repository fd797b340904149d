import { describe, expect, test } from 'vitest';
import { planPod } from '../../../../src/agent/pods/pod-plan.ts';
import { emptyMemory, type PodMemory } from '../../../../src/agent/pods/pod-view.ts';
import { planLines } from '../../../support/agent/plan-lines.ts';
import { at, instance, observed, pod, sandbox, startOfTime, time } from '../../../support/agent/pod-documents.ts';

const web = { name: 'web', image: 'app:1' };
const init = { name: 'setup', image: 'app:1' };
const sidecar = { name: 'proxy', image: 'app:1', restartPolicy: 'Always' };

const memory = (more: Partial<PodMemory>): PodMemory => ({ ...emptyMemory, ...more });

describe('a pod', () => {
  const cases: [name: string, input: Parameters<typeof planPod>, expected: string[]][] = [
    ['that is new gets a sandbox and its containers', [pod({ containers: [web, { name: 'log', image: 'b' }] }), observed([], []), emptyMemory, time(0)], ['sandbox 0', 'start web 0', 'start log 0']],
    ['that is new starts with its first init container', [pod({ containers: [web], initContainers: [init] }), observed([], []), emptyMemory, time(0)], ['sandbox 0', 'start setup 0']],
    ['waits for a running init container', [pod({ containers: [web], initContainers: [init] }), observed([instance('setup', 'run')]), emptyMemory, time(5)], []],
    ['goes on after its init container', [pod({ containers: [web], initContainers: [init] }), observed([instance('setup', 'exit 0 0')]), emptyMemory, time(5)], ['start web 0']],
    ['tries a failed init container again', [pod({ containers: [web], initContainers: [init] }), observed([instance('setup', 'exit 0 1 @3')]), emptyMemory, time(5)], ['start setup 1']],
    ['starts the next container once a sidecar runs', [pod({ containers: [web], initContainers: [sidecar] }), observed([instance('proxy', 'run')]), emptyMemory, time(5)], ['start web 0']],
    ['waits for the startup probe of a sidecar', [pod({ containers: [web], initContainers: [sidecar] }), observed([instance('proxy', 'run')]), memory({ probes: { 'proxy-0': { started: false, ready: false } } }), time(5)], []],
    ['restarts a sidecar beside running containers', [pod({ containers: [web], initContainers: [sidecar] }), observed([instance('proxy', 'exit 0 0 @4'), instance('web', 'run')]), emptyMemory, time(5)], ['start proxy 1']],
    ['that runs needs nothing', [pod({ containers: [web] }), observed([instance('web', 'run')]), emptyMemory, time(5)], []],
    ['restarts at once after the first crash', [pod({ containers: [web] }), observed([instance('web', 'exit 0 1 @4')]), emptyMemory, time(5)], ['start web 1']],
    ['restarts a completed container under Always', [pod({ containers: [web] }), observed([instance('web', 'exit 0 0 @4')]), emptyMemory, time(5)], ['start web 1']],
    ['stops its sandbox once completed', [pod({ containers: [web], restartPolicy: 'OnFailure' }), observed([instance('web', 'exit 0 0 @4')]), emptyMemory, time(5)], ['stop sandbox s0']],
    ['under Never ends with its failure', [pod({ containers: [web], restartPolicy: 'Never' }), observed([instance('web', 'exit 0 3 @4')]), emptyMemory, time(5)], ['stop sandbox s0']],
    ['under Never ends when an init container fails', [pod({ containers: [web], initContainers: [init], restartPolicy: 'Never' }), observed([instance('setup', 'exit 0 3 @4')]), emptyMemory, time(5)], ['stop sandbox s0']],
    ['keeps running while one of its containers does', [pod({ containers: [web, { name: 'log', image: 'b' }], restartPolicy: 'Never' }), observed([instance('web', 'exit 0 0 @4'), instance('log', 'run')]), emptyMemory, time(5)], []],
    ['ends its sidecars last', [pod({ containers: [web], initContainers: [sidecar], restartPolicy: 'Never' }), observed([instance('web', 'exit 0 0 @4'), instance('proxy', 'run')]), emptyMemory, time(5)], ['stop proxy within 30']],
    [
      'that is deleted ends its containers, then its sidecars in reverse order, within one grace',
      [
        pod({ containers: [web, { name: 'log', image: 'b' }], initContainers: [sidecar, { ...sidecar, name: 'mesh' }] }, { deletionTimestamp: at(40), deletionGracePeriodSeconds: 9 }),
        observed([instance('proxy', 'run'), instance('mesh', 'run'), instance('web', 'run'), instance('log', 'exit 0 0 @3')]), emptyMemory, time(5),
      ],
      ['stop proxy within 9 after web-0 mesh-0', 'stop mesh within 9 after web-0', 'stop web within 9'],
    ],
    ['restarts a container whose liveness probe failed', [pod({ containers: [{ ...web, livenessProbe: { terminationGracePeriodSeconds: 4 } }] }), observed([instance('web', 'run')]), memory({ probes: { 'web-0': { started: true, ready: true, failed: 'liveness' } } }), time(5)], ['stop web within 4']],
    ['restarts a container whose image changed', [pod({ containers: [{ ...web, image: 'app:2' }] }), observed([instance('web', 'run', { image: 'app:1' })]), emptyMemory, time(5)], ['stop web within 30']],
    ['that lost its sandbox gets a new one', [pod({ containers: [web] }), observed([instance('web', 'unknown')], [sandbox(false)]), emptyMemory, time(5)], ['sandbox 1', 'start web 1']],
    ['runs its init containers again in a new sandbox', [pod({ containers: [web], initContainers: [init] }), observed([instance('setup', 'exit 0 0'), instance('web', 'unknown')], [sandbox(false)]), emptyMemory, time(5)], ['sandbox 1', 'start setup 1']],
    ['under Never does not come back after it lost its sandbox', [pod({ containers: [web], restartPolicy: 'Never' }), observed([instance('web', 'unknown')], [sandbox(false)]), emptyMemory, time(5)], []],
    ['does not repeat what succeeded before its sandbox was lost', [pod({ containers: [web, { name: 'log', image: 'b' }], restartPolicy: 'OnFailure' }), observed([instance('web', 'exit 0 0 @2'), instance('log', 'unknown')], [sandbox(false)]), emptyMemory, time(5)], ['sandbox 1', 'start log 1']],
    ['makes a container anew that an earlier agent did not start', [pod({ containers: [web] }), observed([instance('web', 'created 2')]), emptyMemory, time(5)], ['remove web-2', 'start web 2']],
    ['that is deleted stops within its grace', [pod({ containers: [web] }, { deletionTimestamp: at(40), deletionGracePeriodSeconds: 7 }), observed([instance('web', 'run')]), emptyMemory, time(5)], ['stop web within 7']],
    ['that is deleted gives up its sandbox when nothing runs', [pod({ containers: [web] }, { deletionTimestamp: at(40) }), observed([instance('web', 'exit 0 143 @6')]), emptyMemory, time(7)], ['stop sandbox s0']],
    ['past its deadline stops', [pod({ containers: [web], activeDeadlineSeconds: 10 }, { status: { startTime: at(0) } }), observed([instance('web', 'run')]), emptyMemory, time(11)], ['stop web within 30']],
    ['keeps the last two instances of a container', [pod({ containers: [web] }), observed([instance('web', 'exit 0 1'), instance('web', 'exit 1 1'), instance('web', 'run 2')]), emptyMemory, time(60)], ['remove web-0']],
    ['keeps no sandbox that holds nothing', [pod({ containers: [web] }), observed([instance('web', 'exit 1 0', { sandboxId: 's1' }), instance('web', 'run 2', { sandboxId: 's2' })], [sandbox(true, 2), sandbox(false, 1), sandbox(false, 0)]), emptyMemory, time(60)], ['remove s0']],
    ['starts a debugging container once', [pod({ containers: [web], ephemeralContainers: [{ name: 'debug', image: 'b' }] }), observed([instance('web', 'run')]), emptyMemory, time(5)], ['start debug 0']],
    ['does not restart a debugging container', [pod({ containers: [web], ephemeralContainers: [{ name: 'debug', image: 'b' }] }), observed([instance('web', 'run'), instance('debug', 'exit 0 1')]), emptyMemory, time(5)], []],
  ];
  test.each(cases)('%s', (_name, input, expected) => {
    expect(planLines(planPod(...input))).toEqual(expected);
  });

  test('waits 10, 20, 40 … seconds between restarts and says so', () => {
    let backoff: PodMemory['backoff'] = {};
    const waits: number[] = [];
    let now = 0;
    for (let attempt = 0; attempt < 8; attempt++) {
      const crashed = observed([instance('web', `exit ${attempt} 1 @${now}`)]);
      const held = planPod(pod({ containers: [web] }), crashed, memory({ backoff }), time(now));
      waits.push(((held.recheckAt ?? startOfTime + now * 1000) - startOfTime) / 1000 - now);
      if (attempt === 2) expect(held.waiting).toEqual({ web: { reason: 'CrashLoopBackOff', message: 'back-off 20s restarting failed container=web pod=web-1_demo(u1)' } });
      now += waits.at(-1) ?? 0;
      const plan = planPod(pod({ containers: [web] }), crashed, memory({ backoff }), time(now));
      expect(planLines(plan)).toEqual([`start web ${attempt + 1}`]);
      backoff = { ...backoff, ...plan.backoff };
    }
    expect(waits).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
  });

  test('forgets its crashes after ten quiet minutes', () => {
    const plan = planPod(pod({ containers: [web] }), observed([instance('web', 'exit 5 1 @900')]), memory({ backoff: { web: { delayMs: 160_000, since: startOfTime + 200_000 } } }), time(901));
    expect(planLines(plan)).toEqual(['start web 6']);
    expect(plan.backoff).toEqual({ web: { delayMs: 10_000, since: startOfTime + 901_000 } });
  });

  test('shows a failed pull first as itself, then as back-off', () => {
    const failure = { reason: 'ErrImagePull', message: 'manifest unknown', at: startOfTime, retryAt: startOfTime + 10_000 };
    const look = (seconds: number) => planPod(pod({ containers: [web] }), observed([]), memory({ startFailures: { web: failure } }), time(seconds));
    expect(look(1).waiting).toEqual({ web: { reason: 'ErrImagePull', message: 'manifest unknown' } });
    expect(look(5).waiting).toEqual({ web: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "app:1": ErrImagePull: manifest unknown' } });
    expect(planLines(look(10))).toEqual(['start web 0']);
  });

  test('that is gone from the API ends without being finished until nothing runs', () => {
    const running = planPod(pod({ containers: [web] }), observed([instance('web', 'run')]), emptyMemory, time(5), true);
    expect([planLines(running), running.finished]).toEqual([['stop web within 2'], false]);
    const over = planPod(pod({ containers: [web] }), observed([instance('web', 'exit 0 137')], [sandbox(false)]), emptyMemory, time(9), true);
    expect([planLines(over), over.finished]).toEqual([[], true]);
  });
});
