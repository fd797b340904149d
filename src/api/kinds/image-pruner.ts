/** imageregistry.operator.openshift.io/v1 (openshift/api imageregistry/v1): how images are pruned by themselves. The one named `cluster` counts. */
import type { IResourceRequirements, IToleration } from 'kubernetes-models/v1';
import type { Condition, KubeObject } from '../meta.ts';
import { resource } from '../resource.ts';

export interface ImagePruner extends KubeObject {
  spec: {
    /** Cron syntax; empty: daily at midnight. */
    schedule?: string;
    suspend?: boolean;
    keepTagRevisions?: number;
    /** Nanoseconds; the duration below wins. */
    keepYoungerThan?: number;
    /** As `60m`. */
    keepYoungerThanDuration?: string;
    resources?: IResourceRequirements;
    nodeSelector?: Record<string, string>;
    tolerations?: IToleration[];
    successfulJobsHistoryLimit?: number;
    failedJobsHistoryLimit?: number;
    ignoreInvalidImageReferences?: boolean;
    logLevel?: string;
  };
  /** `Available`, `Scheduled`, `Failed`. */
  status?: { observedGeneration?: number; conditions?: Condition[] };
}

export const imagePruners = resource<ImagePruner>('imageregistry.operator.openshift.io/v1', { kind: 'ImagePruner', plural: 'imagepruners', namespaced: false });

export const imagePrunerName = 'cluster';
/** When images were pruned last, RFC 3339. */
export const prunedAnnotation = 'slipway.dev/pruned-at';
