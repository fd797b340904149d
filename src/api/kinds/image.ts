/** image.openshift.io/v1 (openshift/api image/v1). */
import type { Condition, KubeObject, ObjectReference, Time } from '../meta.ts';
import { resource } from '../resource.ts';

/** The configuration part of an image as OpenShift shows it. */
export interface DockerImageMetadata {
  kind?: 'DockerImage';
  apiVersion?: '1.0' | 'image.openshift.io/1.0';
  Id?: string;
  Parent?: string;
  Comment?: string;
  Created?: Time;
  Author?: string;
  Architecture?: string;
  Size?: number;
  Config?: {
    User?: string;
    Env?: string[];
    Entrypoint?: string[];
    Cmd?: string[];
    WorkingDir?: string;
    ExposedPorts?: Record<string, Record<string, never>>;
    Labels?: Record<string, string>;
    Volumes?: Record<string, Record<string, never>>;
  };
}
export interface Image extends KubeObject {
  /** Pull specification by digest. */
  dockerImageReference?: string;
  dockerImageMetadata?: DockerImageMetadata;
  dockerImageMetadataVersion?: string;
  dockerImageManifestMediaType?: string;
  dockerImageLayers?: { name: string; size: number; mediaType: string }[];
  dockerImageManifest?: string;
  dockerImageConfig?: string;
}
export interface TagReference {
  name: string;
  annotations?: Record<string, string> | null;
  from?: ObjectReference;
  reference?: boolean;
  generation?: number | null;
  importPolicy?: { insecure?: boolean; scheduled?: boolean; importMode?: 'Legacy' | 'PreserveOriginal' };
  referencePolicy?: { type: 'Source' | 'Local' };
}
export interface TagEvent {
  created: Time;
  dockerImageReference: string;
  /** Name of the Image: its digest. */
  image: string;
  generation: number;
}
export interface NamedTagEventList {
  tag: string;
  /** Newest first. */
  items: TagEvent[] | null;
  conditions?: (Condition & { generation?: number })[];
}
export interface ImageStream extends KubeObject {
  spec: { lookupPolicy?: { local: boolean }; dockerImageRepository?: string; tags?: TagReference[] };
  status?: { dockerImageRepository: string; publicDockerImageRepository?: string; tags?: NamedTagEventList[] };
}
/** Named `<stream>:<tag>`. */
export interface ImageStreamTag extends KubeObject {
  tag?: TagReference | null;
  generation?: number;
  lookupPolicy?: { local: boolean };
  conditions?: Condition[];
  image: Image;
}
/** Named `<stream>@<digest>`. */
export interface ImageStreamImage extends KubeObject {
  image: Image;
}
/** Posted by the registry: puts `image` under `tag` of the stream that `metadata.name` names. */
export interface ImageStreamMapping extends KubeObject {
  image: Image;
  tag: string;
}

export const images = resource<Image>('image.openshift.io/v1', { kind: 'Image', plural: 'images', namespaced: false });
export const imageStreams = resource<ImageStream>('image.openshift.io/v1', {
  kind: 'ImageStream', plural: 'imagestreams', namespaced: true, shortNames: ['is'], categories: ['all'],
});
export const imageStreamTags = resource<ImageStreamTag>('image.openshift.io/v1', {
  kind: 'ImageStreamTag', plural: 'imagestreamtags', namespaced: true, shortNames: ['istag'], verbs: ['create', 'delete', 'get', 'list', 'patch', 'update'],
});
export const imageStreamImages = resource<ImageStreamImage>('image.openshift.io/v1', {
  kind: 'ImageStreamImage', plural: 'imagestreamimages', namespaced: true, shortNames: ['isimage'], verbs: ['get'],
});
export const imageStreamMappings = resource<ImageStreamMapping>('image.openshift.io/v1', {
  kind: 'ImageStreamMapping', plural: 'imagestreammappings', namespaced: true, verbs: ['create'],
});

/** Labels and annotations of our own on images. */
export const imageMarks = {
  /** `host`: the image has no base layer, its root is the toolchain of this machine; it cannot run elsewhere. */
  base: 'slipway.dev/base',
  /** Path and version of the toolchain, e.g. `/usr/bin/node 22.4.0`. */
  toolchain: 'slipway.dev/toolchain',
  /** JSON list of host folders that the root needs read-only at the same path, besides `/usr`. */
  hostPaths: 'slipway.dev/host-paths',
} as const;
/** Cluster-internal name of the registry in image references. */
export const registryHost = 'docker-registry.default.svc:5000';
