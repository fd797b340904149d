/** Short ways to write down pods and what is observed of them. */
import type { Container, Pod } from '../../../src/api/kinds/core.ts';
import type { ObservedContainer, ObservedPod } from '../../../src/agent/pods/pod-view.ts';
import type { PodSandbox } from '../../../src/agent/runtime/runtime.ts';

export const startOfTime = Date.parse('2026-01-01T00:00:00Z');
export const at = (seconds: number): string => new Date(startOfTime + seconds * 1000).toISOString();
export const time = (seconds: number): Date => new Date(startOfTime + seconds * 1000);

export function pod(spec: Partial<Pod['spec']> & { containers: Container[] }, rest: Partial<Pod['metadata']> & { status?: Pod['status'] } = {}): Pod {
  const { status, ...metadata } = rest;
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1', namespace: 'demo', uid: 'u1', ...metadata }, spec: { nodeName: 'node-1', ...spec }, ...(status && { status }) };
}

export const sandbox = (ready: boolean, attempt = 0): PodSandbox => ({
  id: `s${attempt}`,
  config: { uid: 'u1', namespace: 'demo', name: 'web-1', attempt, hostname: 'web-1', hostNetwork: false, dns: { servers: [], searches: [], options: [] }, hostAliases: [], ports: [] },
  ready,
  ip: '10.128.0.5',
  createdAt: at(0),
});

/** `run 0`, `exit 1 1 @20` (attempt 1 ended with code 1 after 20 s). */
export function instance(name: string, text: string, more: Partial<ObservedContainer> = {}): ObservedContainer {
  const match = /^(run|exit|created|unknown)(?: (\d+))?(?: (\d+))?(?: @(\d+))?$/.exec(text);
  if (!match) throw new Error(`"${text}" says nothing`);
  const [, state, first = '0', second = '0', ended = '0'] = match;
  return {
    id: `${name}-${first}`,
    sandboxId: 's0',
    name,
    attempt: Number(first),
    imageId: 'sha256:app',
    state: state === 'run' ? 'running' : state === 'exit' ? 'exited' : (state as 'created' | 'unknown'),
    createdAt: at(0),
    startedAt: at(1),
    ...(state === 'exit' && { exitCode: Number(second), finishedAt: at(Number(ended)) }),
    logPath: `/log/${name}/${first}.log`,
    ...more,
  };
}

export const observed = (containers: ObservedContainer[], sandboxes: PodSandbox[] = [sandbox(true)]): ObservedPod => ({ sandboxes, containers });
