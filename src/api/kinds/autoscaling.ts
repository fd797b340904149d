/** autoscaling/v2, and v1 as clients of old still send it. */
import type { IHorizontalPodAutoscalerSpec as SpecV1, IHorizontalPodAutoscalerStatus as StatusV1 } from 'kubernetes-models/autoscaling/v1';
import type { IHorizontalPodAutoscalerSpec, IHorizontalPodAutoscalerStatus } from 'kubernetes-models/autoscaling/v2';
import type { KubeObject } from '../meta.ts';
import { resource } from '../resource.ts';

export interface HorizontalPodAutoscaler extends KubeObject {
  spec: IHorizontalPodAutoscalerSpec;
  status?: IHorizontalPodAutoscalerStatus;
}
export interface HorizontalPodAutoscalerV1 extends KubeObject {
  spec: SpecV1;
  status?: StatusV1;
}

const shape = { kind: 'HorizontalPodAutoscaler', plural: 'horizontalpodautoscalers', namespaced: true, shortNames: ['hpa'], categories: ['all'] } as const;
export const horizontalPodAutoscalers = resource<HorizontalPodAutoscaler>('autoscaling/v2', shape);
export const horizontalPodAutoscalersV1 = resource<HorizontalPodAutoscalerV1>('autoscaling/v1', shape);

/** `autoscaling/v1` Scale: what stands under `/scale` of everything that has replicas. */
export interface Scale extends KubeObject {
  spec: { replicas?: number };
  status: { replicas: number; selector?: string };
}
