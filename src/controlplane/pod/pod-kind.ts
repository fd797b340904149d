/** The rules of Pod. */
import { copyJson, equalJson } from '../../api/json.ts';
import { pods, type Pod } from '../../api/kinds/core.ts';
import { defaultPodSpec } from '../../api/pod-defaults.ts';
import { validateEphemeralContainers, validatePodSpec } from '../../api/pod-validation.ts';
import { isTerminal } from '../../api/pod.ts';
import { forbiddenField, type FieldError } from '../../api/status.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import { kind, type Kind, type Subresource } from '../kernel/apiserver/kind.ts';
import type { Watchable } from '../kernel/store/store.ts';
import type { MirrorPods } from './mirror-pods.ts';
import { admitPod, admitTolerations } from './pod-admission.ts';
import { evictionSubresource } from './disruption/eviction.ts';
import { bindingSubresource } from './pod-binding.ts';
import { podColumns } from './pod-columns.ts';
import { logSubresource } from './pod-log.ts';
import { resizeSubresource } from './pod-resize.ts';
import { commandSubresource, portForwardSubresource } from './pod-streams.ts';
import { validatePodUpdate } from './pod-update.ts';
import { admitPriority } from './priority/priority-admission.ts';
import { admitServiceAccount } from './service-account-admission.ts';

export interface PodKindParts {
  store: Watchable;
  clock: Clock;
  mirrors: MirrorPods;
  /** Absent until the module has started. */
  client(): Client | undefined;
}

export function podKind({ store, clock, mirrors, client }: PodKindParts): Kind {
  return kind<Pod>({
    type: 'stored',
    resource: pods,
    defaults: (pod) => {
      pod.spec ??= { containers: [] };
      defaultPodSpec(pod.spec);
    },
    async prepareCreate(pod, { now }) {
      admitPod(pod, now);
      admitPriority(store, pod);
      await admitServiceAccount(store, pod, clock);
    },
    prepareUpdate: (pod) => admitTolerations(pod),
    validate: (pod, old) => (old ? validatePodUpdate(pod, old) : validatePodSpec(pod.spec)),
    gracePeriod: (pod, asked) => {
      // Nobody has to stop what was never placed, has ended, or is no container.
      if (!pod.spec.nodeName || isTerminal(pod) || pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return 0;
      return asked ?? pod.spec.terminationGracePeriodSeconds ?? 30;
    },
    columns: podColumns,
    selectableFields: {
      'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
      'spec.restartPolicy': ({ spec }) => spec.restartPolicy ?? '',
      'spec.schedulerName': ({ spec }) => spec.schedulerName ?? '',
      'spec.serviceAccountName': ({ spec }) => spec.serviceAccountName ?? '',
      'spec.hostNetwork': ({ spec }) => String(spec.hostNetwork ?? false),
      'status.phase': ({ status }) => status?.phase ?? '',
      'status.podIP': ({ status }) => status?.podIP ?? '',
      'status.podIPs': ({ status }) => status?.podIP ?? '',
      'status.nominatedNodeName': ({ status }) => status?.nominatedNodeName ?? '',
    },
    subresources: {
      status: {
        type: 'fields',
        kind: 'Pod',
        copy({ status }, to) {
          if (!status) return void delete to.status;
          // The real server has no way to leave it out.
          const conditions = status.conditions?.map((one) => ({ lastProbeTime: null, ...one })) as typeof status.conditions;
          to.status = { ...status, ...(conditions && { conditions }) };
        },
      },
      binding: bindingSubresource(store),
      eviction: evictionSubresource(client, clock),
      ephemeralcontainers: {
        type: 'fields',
        kind: 'Pod',
        copy(from, to) {
          if (from.spec.ephemeralContainers) to.spec.ephemeralContainers = copyJson(from.spec.ephemeralContainers);
        },
        validate: validateEphemeral,
      },
      resize: { type: 'fields', ...resizeSubresource },
      log: logSubresource(store, mirrors),
      exec: commandSubresource(store, 'exec'),
      attach: commandSubresource(store, 'attach'),
      portforward: portForwardSubresource(store),
    } as Record<string, Subresource<Pod>>,
  });
}

function validateEphemeral(pod: Pod, old: Pod): FieldError[] {
  const before = old.spec.ephemeralContainers ?? [];
  const after = pod.spec.ephemeralContainers ?? [];
  const errors = validateEphemeralContainers(pod.spec, new Set(before.map(({ name }) => name)));
  for (const [index, container] of before.entries()) {
    const same = after.find(({ name }) => name === container.name);
    if (!same) errors.push(forbiddenField('spec.ephemeralContainers', `existing ephemeral containers may not be removed: "${container.name}"`));
    else if (!equalJson(same, container)) errors.push(forbiddenField(`spec.ephemeralContainers[${index}]`, `existing ephemeral containers may not be changed: "${container.name}"`));
  }
  return errors;
}
