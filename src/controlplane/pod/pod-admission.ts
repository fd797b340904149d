/** What the server fills in on a new pod beside its identity: tolerations, priority, the first status. */
import { pods, type Pod } from '../../api/kinds/core.ts';
import { toTime } from '../../api/meta.ts';
import { qosClassOf } from '../../api/pod.ts';
import { forbidden } from '../../api/status.ts';

/** Kubernetes' two built-in classes; it has no others until somebody makes them. */
const priorityClasses: Record<string, number> = { 'system-node-critical': 2_000_001_000, 'system-cluster-critical': 2_000_000_000 };
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
  spec.enableServiceLinks ??= true;
  admitTolerations(pod);
  // Who asks for anything is taken to cope with a node that is short of memory (OpenShift's admission; Kubernetes docs, "Taint Nodes by Condition").
  if (qosClassOf(spec) !== 'BestEffort' && !spec.tolerations?.some(({ key }) => key === memoryPressure)) spec.tolerations = [...(spec.tolerations ?? []), { key: memoryPressure, operator: 'Exists', effect: 'NoSchedule' }];
  const priority = spec.priorityClassName ? priorityClasses[spec.priorityClassName] : 0;
  if (priority === undefined) throw forbidden(pods, pod.metadata.name, `no PriorityClass with name ${spec.priorityClassName} was found`);
  spec.priority = priority;
  spec.preemptionPolicy ??= 'PreemptLowerPriority';
  const gated = (spec.schedulingGates ?? []).length > 0;
  pod.status = {
    phase: 'Pending',
    qosClass: qosClassOf(spec),
    ...(gated && {
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message: 'Scheduling is blocked due to non-empty scheduling gates', lastTransitionTime: toTime(now) }],
    }),
  };
}
