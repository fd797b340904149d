/** image.openshift.io/v1 (openshift/api image/v1). */
import type { Condition, KubeObject, LocalObjectReference, ObjectReference, Time } from '../meta.ts';
import { resource } from '../resource.ts';
import type { Status } from '../status.ts';

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
  DockerVersion?: string;
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
    OnBuild?: string[];
    StopSignal?: string;
  };
}
export interface Image extends KubeObject {
  /** Pull specification by digest. */
  dockerImageReference?: string;
  dockerImageMetadata?: DockerImageMetadata;
  dockerImageMetadataVersion?: string;
  dockerImageManifestMediaType?: string;
  dockerImageLayers?: { name: string; size: number; mediaType: string }[];
  /** What an index names, one image a platform. */
  dockerImageManifests?: { digest: string; mediaType: string; manifestSize: number; architecture: string; os: string; variant?: string }[];
  dockerImageManifest?: string;
  dockerImageConfig?: string;
}
export interface TagImportPolicy {
  insecure?: boolean;
  scheduled?: boolean;
  /** `Legacy`: of an index, the image for this machine; `PreserveOriginal`: the index with all its images. */
  importMode?: 'Legacy' | 'PreserveOriginal';
}
/** `Local`: pulls go through the platform's registry. */
export interface TagReferencePolicy {
  type: 'Source' | 'Local';
}
export interface TagReference {
  name: string;
  annotations?: Record<string, string> | null;
  from?: ObjectReference;
  /** Only the name is wanted, nothing is imported. */
  reference?: boolean;
  generation?: number | null;
  importPolicy?: TagImportPolicy;
  referencePolicy?: TagReferencePolicy;
}
export interface TagEvent {
  created: Time;
  dockerImageReference: string;
  /** Name of the Image: its digest. */
  image: string;
  generation: number;
}
/** `ImportSuccess`, shown while it is False. */
export interface TagEventCondition extends Condition {
  generation?: number;
}
export interface NamedTagEventList {
  tag: string;
  /** Newest first. */
  items: TagEvent[] | null;
  conditions?: TagEventCondition[];
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
/** Named `<stream>:<tag>`: also tags that have no image yet, and those that only their history knows. */
export interface ImageTag extends KubeObject {
  spec: TagReference | null;
  status: NamedTagEventList | null;
  image: Image | null;
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
export interface RepositoryImportSpec {
  from: ObjectReference;
  importPolicy?: TagImportPolicy;
  referencePolicy?: TagReferencePolicy;
  includeManifest?: boolean;
}
export interface ImageImportSpec extends RepositoryImportSpec {
  /** The tag it goes to. */
  to?: LocalObjectReference;
}
/** A Status without `kind` and `apiVersion`, as it lies inside of objects. */
export type InnerStatus = Omit<Status, 'apiVersion' | 'kind'>;
export interface ImageImportStatus {
  status: InnerStatus;
  tag?: string;
  image?: Image;
  /** Images of an index that was kept as it is. */
  manifests?: Image[];
}
export interface RepositoryImportStatus {
  status: InnerStatus;
  images?: ImageImportStatus[];
  /** Tags beyond the bound, which were not imported. */
  additionalTags?: string[];
}
/** Posted: looks images of other registries up, and with `import` puts them into the stream that `metadata.name` names. */
export interface ImageStreamImport extends KubeObject {
  spec: { import: boolean; repository?: RepositoryImportSpec; images?: ImageImportSpec[] };
  status: { import?: ImageStream; repository?: RepositoryImportStatus; images?: ImageImportStatus[] };
}
export interface ImageStreamLayers extends KubeObject {
  /** By digest. `size` is null where only the registry knows it. */
  blobs: Record<string, { size: number | null; mediaType: string }>;
  images: Record<string, { layers?: string[]; config?: string; manifests?: string[]; imageMissing?: boolean }>;
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
export const imageStreamImports = resource<ImageStreamImport>('image.openshift.io/v1', {
  kind: 'ImageStreamImport', plural: 'imagestreamimports', namespaced: true, verbs: ['create'],
});
export const imageTags = resource<ImageTag>('image.openshift.io/v1', {
  kind: 'ImageTag', plural: 'imagetags', namespaced: true, shortNames: ['itag'], verbs: ['create', 'delete', 'get', 'list', 'patch', 'update'],
});

/** OpenShift's annotations around images. */
export const imageAnnotations = {
  /** On a stream: when its images were last looked up elsewhere. Clearing it asks for the whole `spec.dockerImageRepository` again. */
  repositoryCheck: 'openshift.io/image.dockerRepositoryCheck',
  /** On a stream, `true`: `spec.dockerImageRepository` may be reached without TLS. */
  insecureRepository: 'openshift.io/image.insecureRepository',
  /** On a secret, `true`: not for imports. */
  excludeSecret: 'openshift.io/image.excludeSecret',
  /** On a tag: what to take of an index. */
  preferArch: 'importer.image.openshift.io/prefer-arch',
  preferOs: 'importer.image.openshift.io/prefer-os',
  /** On a workload: JSON list of the image stream tags that its containers follow. */
  triggers: 'image.openshift.io/triggers',
  /** On a workload or its pod template, `*`: every image name is looked up among the project's image streams. */
  resolveNames: 'alpha.image.policy.openshift.io/resolve-names',
} as const;
/** Labels and annotations of our own on images. */
export const imageMarks = {
  /** `host`: the image has no base layer, its root is the toolchain of this machine; it cannot run elsewhere. */
  base: 'slipway.dev/base',
  /** Path and version of the toolchain, e.g. `/usr/bin/node 22.4.0`. */
  toolchain: 'slipway.dev/toolchain',
  /** JSON list of host folders that the root needs read-only at the same path, besides `/usr`. */
  hostPaths: 'slipway.dev/host-paths',
  /** Annotation of an image that refers to another (a signature, a bill of materials): the digest of that one, as long as which it lives. */
  subject: 'slipway.dev/subject',
} as const;
/** Cluster-internal name of the registry in image references. */
export const registryHost = 'docker-registry.default.svc:5000';
