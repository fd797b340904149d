/** When a container is probed and what its probes then say, by a clock that is moved: `+` and `-` are the answers a command gives, in order; the last one stays. */
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { ProbeManager } from '../../../../src/agent/probes/probe-manager.ts';
import type { ContainerRole, ProbeState } from '../../../../src/agent/pods/pod-view.ts';
import type { ExecSession } from '../../../../src/agent/runtime/runtime.ts';
import type { Container, Pod } from '../../../../src/api/kinds/core.ts';
import { instance, pod, sandbox } from '../../../support/agent/pod-documents.ts';
import { manualClock, settle } from '../../../support/manual-clock.ts';

type Probe = NonNullable<Container['livenessProbe']>;
const probe = (name: string, more: Partial<Probe> = {}): Probe => ({ exec: { command: [name] }, periodSeconds: 10, timeoutSeconds: 1, successThreshold: 1, failureThreshold: 3, ...more });

/** `answers`: by the command's name. */
function watched(container: Partial<Container>, answers: Record<string, string>, { role = 'main' as ContainerRole, status = undefined as Pod['status'] } = {}) {
  const clock = manualClock('2026-01-01T00:00:01Z');
  const asked: string[] = [];
  const told: string[] = [];
  const queue = new Map(Object.entries(answers).map(([name, text]) => [name, [...text]]));
  const changes: (ProbeState | undefined)[] = [];
  const exec = (_id: string, [name = '']: string[]): Promise<ExecSession> => {
    asked.push(`${name}@${(clock.now().getTime() - Date.parse('2026-01-01T00:00:01Z')) / 1000}`);
    const left = queue.get(name) ?? [];
    const answer = left.length > 1 ? left.shift() : left[0];
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    stdout.end(answer === '-' ? 'not well' : '');
    stderr.end();
    return Promise.resolve({ stdin: new PassThrough(), stdout, stderr, resize: () => undefined, kill: () => undefined, exit: settle(1).then(() => ({ code: answer === '-' ? 1 : 0 })) });
  };
  const event = (about: { fieldPath?: string }, reason: string, message: string) => void told.push(`${about.fieldPath} ${reason}: ${message}`);
  const manager = new ProbeManager({ runtime: { exec }, clock, events: { normal: event, warning: event } as never, onChange: (uid) => changes.push(manager.states(uid)['web-0']) });
  const subject = pod({ containers: [{ name: 'web', image: 'a', ...container }] }, status ? { status } : {});
  const sync = () => manager.sync(subject, sandbox(true), [{ named: { role, container: subject.spec.containers[0] as Container }, instance: instance('web', 'run') }]);
  sync();
  return { clock, asked, told, changes, manager, sync, state: () => manager.states('u1')['web-0'], async after(seconds: number) { await clock.advance(seconds * 1000); await settle(); } };
}

describe('probes', () => {
  test('a liveness probe runs from its delay on, and its threshold in a row ends the container', async () => {
    const one = watched({ livenessProbe: probe('live', { initialDelaySeconds: 5, periodSeconds: 2 }) }, { live: '+--+---' });
    await one.after(60);
    expect(one.asked).toEqual(['live@5', 'live@7', 'live@9', 'live@11', 'live@13', 'live@15', 'live@17']);
    expect(one.changes).toEqual([{ started: true, ready: true, failed: 'liveness' }]);
    expect(one.told).toHaveLength(5);
    expect(one.told[0]).toBe('spec.containers{web} Unhealthy: Liveness probe failed: not well');
  });

  test('a readiness probe decides by both its thresholds and never ends', async () => {
    const one = watched({ readinessProbe: probe('ready', { periodSeconds: 1, successThreshold: 2, failureThreshold: 2 }) }, { ready: '++-+--++' });
    await one.after(9);
    expect(one.changes.map((state) => state?.ready)).toEqual([true, false, true]);
    expect(one.asked.length).toBeGreaterThanOrEqual(9);
  });

  test('the others wait for a startup probe', async () => {
    const one = watched({ startupProbe: probe('up', { periodSeconds: 1, failureThreshold: 5 }), readinessProbe: probe('ready'), livenessProbe: probe('live') }, { up: '---+', ready: '+', live: '+' });
    await one.after(2.5);
    expect(one.asked).toEqual(['up@0', 'up@1', 'up@2']);
    expect(one.state()).toEqual({ started: false, ready: false });
    await one.after(1);
    expect(one.asked.slice(3)).toEqual(['up@3', 'ready@3', 'live@3']);
    expect(one.state()).toEqual({ started: true, ready: true });
  });

  test('a startup probe that never succeeds ends the container', async () => {
    const one = watched({ startupProbe: probe('up', { periodSeconds: 2, failureThreshold: 2 }) }, { up: '-' });
    await one.after(30);
    expect(one.asked).toEqual(['up@0', 'up@2']);
    expect(one.state()).toMatchObject({ started: false, failed: 'startup' });
  });

  test('of a pod that ends only readiness is asked on', async () => {
    const one = watched({ readinessProbe: probe('ready', { periodSeconds: 1, failureThreshold: 1 }), livenessProbe: probe('live', { periodSeconds: 1, failureThreshold: 1 }) }, { ready: '++-', live: '++-' });
    await one.after(0.5);
    one.manager.settle('u1');
    one.sync();
    await one.after(10);
    expect(one.state()).toEqual({ started: true, ready: false });
    expect(one.asked.filter((text) => text.startsWith('live'))).toEqual(['live@0']);
  });

  test('an agent that finds a container takes the word of the one before it until a threshold is reached', async () => {
    const containerStatuses = [{ name: 'web', image: 'a', imageID: 'a', restartCount: 0, ready: true, started: true, containerID: 'slipway://web-0' }];
    const one = watched({ startupProbe: probe('up'), readinessProbe: probe('ready', { periodSeconds: 1, successThreshold: 3 }) }, { ready: '-+---' }, { status: { containerStatuses } });
    expect(one.state()).toEqual({ started: true, ready: true });
    await one.after(3.5);
    expect(one.state()).toEqual({ started: true, ready: true });
    await one.after(1);
    expect(one.state()).toEqual({ started: true, ready: false });
    expect(one.asked.some((text) => text.startsWith('up'))).toBe(false);
  });

  test('sidecars are probed and named as the init containers they are; init and debugging containers are not', async () => {
    const sidecar = watched({ livenessProbe: probe('live', { failureThreshold: 1 }) }, { live: '-' }, { role: 'sidecar' });
    await sidecar.after(1);
    expect(sidecar.told).toEqual(['spec.initContainers{web} Unhealthy: Liveness probe failed: not well']);
    for (const role of ['init', 'ephemeral'] as const) {
      const other = watched({ livenessProbe: probe('live') }, { live: '-' }, { role });
      await other.after(60);
      expect([other.asked, other.state()]).toEqual([[], undefined]);
    }
  });

  test('nothing is asked of a container that ended', async () => {
    const one = watched({ livenessProbe: probe('live') }, { live: '+' });
    await one.after(1);
    one.manager.sync(pod({ containers: [] }), sandbox(true), []);
    await one.after(60);
    expect(one.asked).toEqual(['live@0']);
    expect(one.clock.waiting).toBe(0);
  });
});
