/** What the server fills in on a new pod beside its identity and priority: tolerations, the first status. */
import { pods, type Pod } from '../../api/kinds/core.ts';
import { toTime } from '../../api/meta.ts';
import { qosClassOf } from '../../api/pod.ts';
import { forbidden } from '../../api/status.ts';

const tolerated = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];
const tolerationSeconds = 300;
const memoryPressure = 'node.kubernetes.io/memory-pressure';

/** A pod stays on a node that is away for five minutes, unless it says otherwise; also on update, or a patch could take that away. */
export function admitTolerations({ spec }: Pod): void {
  const missing = tolerated.filter((key) => !spec.tolerations?.some((one) => (one.key === key || !one.key) && (!one.effect || one.effect === 'NoExecute')));
  if (missing.length > 0) spec.tolerations = [...(spec.tolerations ?? []), ...missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds }) as const)];
}

export function admitPod(pod: Pod, now: Date): void {
  const { spec } = pod;
  // There are no other ways to run a pod here, so no class names one.
  if (spec.runtimeClassName) throw forbidden(pods, pod.metadata.name, `pod rejected: RuntimeClass "${spec.runtimeClassName}" not found`);
  spec.enableServiceLinks ??= true;
  admitTolerations(pod);
  // Who asks for anything is taken to cope with a node that is short of memory (OpenShift's admission; Kubernetes docs, "Taint Nodes by Condition").
  if (qosClassOf(spec) !== 'BestEffort' && !spec.tolerations?.some(({ key }) => key === memoryPressure)) spec.tolerations = [...(spec.tolerations ?? []), { key: memoryPressure, operator: 'Exists', effect: 'NoSchedule' }];
  const gated = (spec.schedulingGates ?? []).length > 0;
  pod.status = {
    phase: 'Pending',
    qosClass: qosClassOf(spec),
    ...(gated && {
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message: 'Scheduling is blocked due to non-empty scheduling gates', lastTransitionTime: toTime(now) }],
    }),
  };
}
