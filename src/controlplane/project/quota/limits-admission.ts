/** Holds what is written to a project's limit ranges and quotas: first what ranges fill in, then what they refuse, then what quotas count. */
import type { PersistentVolumeClaim, Pod } from '../../../api/kinds/core.ts';
import { limitRanges, resourceQuotas, type LimitRange, type ResourceQuota } from '../../../api/kinds/quota.ts';
import { copyJson } from '../../../api/json.ts';
import { mirrorAnnotation } from '../../../api/pod.ts';
import { forbidden } from '../../../api/status.ts';
import { collectionPrefix } from '../../kernel/apiserver/kind-table.ts';
import type { Admission, AdmissionRequest } from '../../kernel/apiserver/ports.ts';
import type { Reader } from '../../kernel/store/store.ts';
import { applyRanges, claimViolations, podViolations } from './limit-range-plan.ts';
import { missingRequests, quotaRefusal, usageOf, type Usage } from './quota-plan.ts';
import { keyOf, kindsOf, type QuotaUsage } from './quota-usage.ts';

export function limitsAdmission(store: Reader, usage: QuotaUsage): Admission {
  const all = <T>(of: { group: string; plural: string }, namespace: string) => store.list(`${collectionPrefix(of)}${namespace}/`).entries.map(({ object }) => object as unknown as T);
  return {
    admit(request) {
      const { operation, resource, object, old, context } = request;
      const { namespace } = context;
      if (operation === 'delete' || !namespace || (context.subresource !== undefined && context.subresource !== 'resize') || object.metadata.deletionTimestamp) return;
      const pod = resource.plural === 'pods' && resource.group === '' ? (object as Pod) : undefined;
      if (pod?.metadata.annotations?.[mirrorAnnotation] !== undefined) return;
      if (pod && operation === 'create') holdToRanges(request, all<LimitRange>(limitRanges, namespace), (ranges) => {
        applyRanges(ranges, pod);
        return podViolations(ranges, pod);
      });
      if (pod && context.subresource === 'resize') holdToRanges(request, all<LimitRange>(limitRanges, namespace), (ranges) => podViolations(ranges, pod));
      if (resource.plural === 'persistentvolumeclaims' && resource.group === '') holdToRanges(request, all<LimitRange>(limitRanges, namespace), (ranges) => claimViolations(ranges, object as PersistentVolumeClaim));
      holdToQuotas(request, all<ResourceQuota>(resourceQuotas, namespace), old === undefined ? 'create' : 'update');
    },
  };

  function holdToQuotas({ resource, object, old, context }: AdmissionRequest, quotas: readonly ResourceQuota[], operation: 'create' | 'update'): void {
    const counted = { plural: resource.plural, group: resource.group };
    let about = false;
    for (const quota of quotas) {
      if (!kindsOf(quota).some(({ plural, group }) => plural === counted.plural && group === counted.group)) continue;
      about = true;
      const missing = counted.plural === 'pods' && operation === 'create' ? missingRequests(quota, object as Pod) : undefined;
      if (missing !== undefined) throw forbidden(resource, object.metadata.name, missing);
      const more = usageOf(counted, object, quota);
      const before: Usage = old ? usageOf(counted, old, quota) : new Map();
      // What an update does not raise is not its matter.
      if ([...more].every(([name, amount]) => amount <= (before.get(name) ?? 0))) continue;
      const refusal = quotaRefusal(quota, usage.of(quota, keyOf(counted, object)), more);
      if (refusal !== undefined) throw forbidden(resource, object.metadata.name, refusal);
    }
    if (about && operation === 'create' && !context.dryRun) usage.reserve(counted, copyJson(object));
  }
}

function holdToRanges({ resource, object }: AdmissionRequest, ranges: readonly LimitRange[], violationsOf: (ranges: readonly LimitRange[]) => string[]): void {
  if (ranges.length === 0) return;
  const found = violationsOf(ranges);
  if (found.length > 0) throw forbidden(resource, object.metadata.name, found.length === 1 ? (found[0] ?? '') : `[${found.join(', ')}]`);
}
