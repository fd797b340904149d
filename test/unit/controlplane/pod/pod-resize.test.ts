import { expect, test } from 'vitest';
import type { Container, Pod } from '../../../../src/api/kinds/core.ts';
import { defaultPodSpec } from '../../../../src/api/pod-defaults.ts';
import { copyJson } from '../../../../src/api/json.ts';
import { resizeSubresource } from '../../../../src/controlplane/pod/pod-resize.ts';

type Resources = Container['resources'];
const podWith = (resources: Resources, more: Partial<Container> = {}, phase = 'Running'): Pod => {
  const spec: Pod['spec'] = { containers: [{ name: 'web', image: 'a', ...(resources && { resources }), ...more }], initContainers: [{ name: 'first', image: 'a', resources: { limits: { cpu: '1' } } }] };
  defaultPodSpec(spec);
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'demo' }, spec, status: { phase } } as Pod;
};
/** What the pipeline does with a part of an object: the asked part laid over the stored one, then the rules. */
const resized = (old: Pod, ask: (pod: Pod) => void) => {
  const asked = copyJson(old);
  ask(asked);
  const next = copyJson(old);
  resizeSubresource.copy(asked, next);
  return { next, errors: (resizeSubresource.validate?.(next, old, {} as never) ?? []).map(({ field, message }) => `${field}: ${message}`) };
};
const to = (resources: Resources, more: Partial<Container> = {}) => (pod: Pod) => Object.assign(pod.spec.containers[0] as Container, { resources }, more);

test('takes resources, and nothing else', () => {
  const { next, errors } = resized(podWith({ requests: { cpu: '1' } }), to({ requests: { cpu: '2' }, limits: { memory: '1Gi' } }, { image: 'b' }));
  expect(errors).toEqual([]);
  expect(next.spec.containers[0]).toMatchObject({ image: 'a', resources: { requests: { cpu: '2' }, limits: { memory: '1Gi' } } });
});

const lessMemory = [podWith({ limits: { memory: '2Gi' } }), to({ limits: { memory: '1Gi' }, requests: { memory: '1Gi' } })] as const;
test.each<[string, Pod, (pod: Pod) => void, RegExp | undefined]>([
  ['what is neither cpu nor memory', podWith({ requests: { cpu: '1' } }), to({ requests: { cpu: '1', 'ephemeral-storage': '1Gi' } }), /requests\[ephemeral-storage\]: .*only cpu and memory resources are mutable/],
  ['to take a limit away', podWith({ limits: { cpu: '1' }, requests: { cpu: '500m' } }), to({ requests: { cpu: '500m' } }), /limits: .*resource limits cannot be removed/],
  ['less memory at once', ...lessMemory, /memory limits cannot be decreased unless resizePolicy is RestartContainer/],
  ['less memory with a restart', lessMemory[0], to({ limits: { memory: '1Gi' }, requests: { memory: '1Gi' } }, { resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }] }), undefined],
  ['another quality of service', { ...podWith({}), spec: { containers: [{ name: 'web', image: 'a' }] } }, to({ requests: { cpu: '1' } }), /metadata: .*Pod QOS Class may not change as a result of resizing/],
  ['more for a container that only begins the pod', podWith({ requests: { cpu: '1' } }), (pod) => Object.assign(pod.spec.initContainers?.[0] as Container, { resources: { limits: { cpu: '2' } } }), /initContainers\[0\]\.resources: .*cannot resize non-restartable init containers/],
  ['a request above its limit', podWith({ requests: { cpu: '1' }, limits: { cpu: '2' } }), to({ requests: { cpu: '3' }, limits: { cpu: '2' } }), /must be less than or equal to cpu limit/],
  ['anything of a pod that has ended', podWith({ requests: { cpu: '1' } }, {}, 'Succeeded'), to({ requests: { cpu: '2' } }), /has ended/],
])('asks for %s', (_, old, ask, expected) => {
  const { errors } = resized(old, ask);
  if (expected) expect(errors.join('\n')).toMatch(expected);
  else expect(errors).toEqual([]);
});
