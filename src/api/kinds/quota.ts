/** Limits of a project (core/v1). */
import type { ILimitRangeSpec, IResourceQuotaSpec, IResourceQuotaStatus } from 'kubernetes-models/v1';
import type { KubeObject } from '../meta.ts';
import { resource } from '../resource.ts';

export interface LimitRange extends KubeObject {
  spec?: ILimitRangeSpec;
}
export interface ResourceQuota extends KubeObject {
  spec?: IResourceQuotaSpec;
  status?: IResourceQuotaStatus;
}

export const limitRanges = resource<LimitRange>('v1', { kind: 'LimitRange', plural: 'limitranges', namespaced: true, shortNames: ['limits'] });
export const resourceQuotas = resource<ResourceQuota>('v1', { kind: 'ResourceQuota', plural: 'resourcequotas', namespaced: true, shortNames: ['quota'] });

/** What is counted of images, by OpenShift's names. */
export const imageResources = {
  streams: 'openshift.io/imagestreams',
  /** Kubernetes' own name for the same count. */
  streamCount: 'count/imagestreams.image.openshift.io',
  /** Distinct images that the project's streams show. */
  images: 'openshift.io/images',
  tags: 'openshift.io/image-tags',
} as const;
/** Types of a limit range's items that are about images. */
export const imageLimitTypes = { image: 'openshift.io/Image', stream: 'openshift.io/ImageStream' } as const;
/** What a quota can count of images. */
export const imageQuotas: readonly string[] = [imageResources.streams, imageResources.streamCount, imageResources.images];
