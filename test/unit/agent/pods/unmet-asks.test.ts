import { expect, test } from 'vitest';
import { unmetAsks } from '../../../../src/agent/pods/unmet-asks.ts';
import { toolsImage } from '../../../../src/api/well-known.ts';
import type { Pod } from '../../../../src/api/kinds/core.ts';
import { pod } from '../../../support/agent/pod-documents.ts';

const told = (text: string) => `Not given here, where pods run without powers over this machine: ${text}. What needs them fails; the rest runs`;
const main = (securityContext: object, image = 'app:1') => ({ containers: [{ name: 'web', image, securityContext }] });

test.each<[string, Pod['spec'], string | undefined]>([
  ['nothing of the kind', main({ runAsUser: 1000, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } }), undefined],
  ['files of a group', { ...main({}), securityContext: { fsGroup: 2000 } }, undefined],
  ['powers', main({ privileged: true, capabilities: { add: ['NET_ADMIN', 'SYS_PTRACE'] } }), told('privileged (container web); capabilities NET_ADMIN, SYS_PTRACE (container web)')],
  ['what a debugging pod of a node has', { ...main({}), hostNetwork: true, hostPID: true, hostIPC: true }, told('hostPID; hostIPC')],
  ['groups and settings of the kernel', { ...main({}), securityContext: { supplementalGroups: [1], sysctls: [{ name: 'net.core.somaxconn', value: '1024' }] } }, told('supplementalGroups; sysctls (net.core.somaxconn)')],
  ['devices and a share for all of it', { ...main({}), resourceClaims: [{ name: 'gpu', resourceClaimName: 'x' }], resources: { limits: { memory: '1Gi' } } }, told('resourceClaims (gpu); resources of the pod as a whole (memory; give them to its containers)')],
  ['rules for its end', { containers: [{ name: 'web', image: 'a', restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] } as never] }, told('restartPolicyRules (container web)')],
  ['a build', main({ privileged: true }, toolsImage), undefined],
])('a pod that asks for %s', (_, spec, expected) => expect(unmetAsks(pod(spec))).toBe(expected));
