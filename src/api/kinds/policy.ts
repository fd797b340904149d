/** How many pods of an app may be missing at a time (policy/v1). */
import type { IPodDisruptionBudgetSpec, IPodDisruptionBudgetStatus } from 'kubernetes-models/policy/v1';
import type { KubeObject, Time } from '../meta.ts';
import { resource } from '../resource.ts';

export interface PodDisruptionBudget extends KubeObject {
  spec?: IPodDisruptionBudgetSpec;
  status?: Omit<IPodDisruptionBudgetStatus, 'disruptedPods'> & {
    /** Evictions that were allowed and are not seen yet: pod to time. */
    disruptedPods?: Record<string, Time>;
  };
}

export const podDisruptionBudgets = resource<PodDisruptionBudget>('policy/v1', { kind: 'PodDisruptionBudget', plural: 'poddisruptionbudgets', namespaced: true, shortNames: ['pdb'] });

/** Body of `pods/eviction`; the same in policy/v1beta1. */
export interface Eviction extends KubeObject {
  deleteOptions?: { gracePeriodSeconds?: number; dryRun?: string[]; preconditions?: { uid?: string; resourceVersion?: string } };
}
