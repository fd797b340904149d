import { expect, test } from 'vitest';
import type { AppliedResources } from '../../../../src/agent/pods/pod-view.ts';
import { resizeOf, resizeRefusal } from '../../../../src/agent/pods/resize-plan.ts';
import type { Container, Pod } from '../../../../src/api/kinds/core.ts';
import { pod } from '../../../support/agent/pod-documents.ts';

const container = (resources: Container['resources'], resizePolicy?: Container['resizePolicy']): Container => ({ name: 'web', image: 'a', ...(resources && { resources }), ...(resizePolicy && { resizePolicy }) });
const restart = (resourceName: string) => [{ resourceName, restartPolicy: 'RestartContainer' }];

test.each<[string, Container, AppliedResources | undefined, string]>([
  ['made by an earlier version', container({ limits: { cpu: '1' } }), undefined, 'none'],
  ['that has what it asks for, written otherwise', container({ limits: { cpu: '1', memory: '1Ki' }, requests: { cpu: '0.5' } }), { limits: { cpu: '1000m', memory: '1024' }, requests: { cpu: '500m' } }, 'none'],
  ['with another limit', container({ limits: { cpu: '2' } }), { limits: { cpu: '1' } }, 'inPlace'],
  ['with a limit that had none', container({ limits: { memory: '1Gi' } }), {}, 'inPlace'],
  ['that restarts for memory, with other memory', container({ limits: { memory: '2Gi' } }, restart('memory')), { limits: { memory: '1Gi' } }, 'restart'],
  ['that restarts for memory, with another share of a processor', container({ requests: { cpu: '2' } }, restart('memory')), { requests: { cpu: '1' } }, 'inPlace'],
])('a container %s', (_, subject, applied, expected) => expect(resizeOf(subject, applied)).toBe(expected));

const asking = (cpu: string, memory: string, uid: string, more: Partial<Pod> = {}): Pod => ({ ...pod({ containers: [container({ requests: { cpu, memory } })] }, { uid }), ...more });
const node = { milliCpu: 2000, memory: 1000 };

test.each<[string, Pod, Pod[], string | undefined]>([
  ['that fits beside the others', asking('1', '500', 'a'), [asking('9', '9', 'a'), asking('1', '500', 'b')], undefined],
  ['beside one that has ended', asking('2', '10', 'a'), [asking('1', '1', 'b', { status: { phase: 'Succeeded' } })], undefined],
  ['larger than the Node', asking('1', '1001', 'a'), [], "Infeasible Node didn't have enough capacity: memory, requested: 1001, capacity: 1000"],
  ['for which others leave no room', asking('1500m', '1', 'a'), [asking('1', '1', 'b')], "Deferred Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000"],
])('a pod %s', (_, subject, others, expected) => {
  const refusal = resizeRefusal(subject, others, node);
  expect(refusal && `${refusal.reason} ${refusal.message}`).toBe(expected);
});
