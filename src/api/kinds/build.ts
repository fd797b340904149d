/** build.openshift.io/v1 (openshift/api build/v1). */
import type { IConfigMapVolumeSource, ICSIVolumeSource, IEnvVar, IResourceRequirements, ISecretVolumeSource } from 'kubernetes-models/v1';
import type { Condition, KubeObject, LocalObjectReference, ObjectReference, Time } from '../meta.ts';
import { resource } from '../resource.ts';

export interface GitSource {
  uri: string;
  ref?: string;
  httpProxy?: string;
  httpsProxy?: string;
  noProxy?: string;
}
export interface BuildSource {
  type?: 'Git' | 'Dockerfile' | 'Binary' | 'Image' | 'None';
  git?: GitSource;
  binary?: { asFile?: string };
  dockerfile?: string;
  contextDir?: string;
  sourceSecret?: LocalObjectReference;
  secrets?: { secret: LocalObjectReference; destinationDir?: string }[];
  configMaps?: { configMap: LocalObjectReference; destinationDir?: string }[];
  images?: ImageSource[];
}
/** An image whose files are an input, or that stands in for a stage's base image (Docker strategy). */
export interface ImageSource {
  from: ObjectReference;
  /** Names of images in `FROM` and `COPY --from` of the Dockerfile that this one takes the place of. */
  as?: string[];
  paths?: {
    /** Absolute. A trailing `/.` copies the folder's contents. */
    sourcePath: string;
    /** Relative to the context folder. */
    destinationDir: string;
  }[];
  pullSecret?: LocalObjectReference;
}
export interface BuildVolume {
  name: string;
  source: { type: 'Secret' | 'ConfigMap' | 'CSI'; secret?: ISecretVolumeSource; configMap?: IConfigMapVolumeSource; csi?: ICSIVolumeSource };
  mounts: { destinationPath: string }[];
}
export interface SourceBuildStrategy {
  from: ObjectReference;
  pullSecret?: LocalObjectReference;
  env?: IEnvVar[];
  /** URL of a folder with scripts that override the builder's. */
  scripts?: string;
  incremental?: boolean;
  forcePull?: boolean;
  volumes?: BuildVolume[];
}
export interface DockerBuildStrategy {
  /** Takes the place of the image in the last `FROM`. */
  from?: ObjectReference;
  pullSecret?: LocalObjectReference;
  noCache?: boolean;
  env?: IEnvVar[];
  buildArgs?: IEnvVar[];
  forcePull?: boolean;
  /** Relative to the context folder; default `Dockerfile`. */
  dockerfilePath?: string;
  imageOptimizationPolicy?: 'None' | 'SkipLayers' | 'SkipLayersAndWarn';
  volumes?: BuildVolume[];
}
export interface CustomBuildStrategy {
  from: ObjectReference;
  pullSecret?: LocalObjectReference;
  env?: IEnvVar[];
  exposeDockerSocket?: boolean;
  forcePull?: boolean;
  secrets?: { secretSource: LocalObjectReference; mountPath: string }[];
  /** Version of the Build in the builder's environment. */
  buildAPIVersion?: string;
}
export interface BuildStrategy {
  type?: 'Source' | 'Docker' | 'Custom' | 'JenkinsPipeline';
  sourceStrategy?: SourceBuildStrategy;
  dockerStrategy?: DockerBuildStrategy;
  customStrategy?: CustomBuildStrategy;
  jenkinsPipelineStrategy?: { jenkinsfilePath?: string; jenkinsfile?: string; env?: IEnvVar[] };
}
export interface SourceControlUser {
  name?: string;
  email?: string;
}
export interface GitSourceRevision {
  commit?: string;
  author?: SourceControlUser;
  committer?: SourceControlUser;
  message?: string;
}
export interface SourceRevision {
  type?: 'Git' | 'Source';
  git?: GitSourceRevision;
}
export interface CommonBuildSpec {
  serviceAccount?: string;
  source?: BuildSource;
  revision?: SourceRevision;
  strategy: BuildStrategy;
  output?: { to?: ObjectReference; pushSecret?: LocalObjectReference; imageLabels?: { name: string; value?: string }[] };
  resources?: IResourceRequirements;
  postCommit?: { command?: string[]; args?: string[]; script?: string };
  completionDeadlineSeconds?: number;
  /** Absent or null: the platform's default. Empty: any node. */
  nodeSelector?: Record<string, string> | null;
  mountTrustedCA?: boolean;
}
export interface BuildTriggerPolicy {
  type: 'ConfigChange' | 'ImageChange' | 'GitHub' | 'GitLab' | 'Bitbucket' | 'Generic';
  imageChange?: { from?: ObjectReference; lastTriggeredImageID?: string; paused?: boolean };
  github?: WebHookTrigger;
  gitlab?: WebHookTrigger;
  bitbucket?: WebHookTrigger;
  generic?: WebHookTrigger;
}
export interface WebHookTrigger {
  secret?: string;
  /** A secret whose key `WebHookSecretKey` holds it. */
  secretReference?: { name: string };
  /** Generic only: callers may set environment variables. */
  allowEnv?: boolean;
}
/** Key of a webhook's `secretReference`. */
export const webHookSecretKey = 'WebHookSecretKey';
export interface BuildConfig extends KubeObject {
  spec: CommonBuildSpec & {
    triggers?: BuildTriggerPolicy[];
    runPolicy?: 'Serial' | 'SerialLatestOnly' | 'Parallel';
    successfulBuildsHistoryLimit?: number;
    failedBuildsHistoryLimit?: number;
  };
  status?: BuildConfigStatus;
}
export interface BuildConfigStatus {
  lastVersion: number;
  /** What each ImageChange trigger has last built from, found by `from`. */
  imageChangeTriggers?: { from?: { namespace?: string; name?: string }; lastTriggeredImageID?: string; lastTriggerTime?: Time }[];
}

export type BuildPhase = 'New' | 'Pending' | 'Running' | 'Complete' | 'Failed' | 'Error' | 'Cancelled';
export const finishedPhases: readonly BuildPhase[] = ['Complete', 'Failed', 'Error', 'Cancelled'];

export type StageName = 'FetchInputs' | 'PullImages' | 'Build' | 'PostCommit' | 'PushImage';
export interface StageInfo {
  name: StageName;
  startTime?: Time;
  durationMilliseconds?: number;
  steps?: { name: string; startTime?: Time; durationMilliseconds?: number }[];
}
export interface BuildTriggerCause {
  message?: string;
  imageChangeBuild?: { imageID?: string; fromRef?: ObjectReference };
  githubWebHook?: WebHookCause;
  gitlabWebHook?: WebHookCause;
  bitbucketWebHook?: WebHookCause;
  genericWebHook?: WebHookCause;
}
/** `secret` is never the secret itself, but `<secret>`. */
export interface WebHookCause {
  revision?: SourceRevision;
  secret?: string;
}
export interface BuildStatus {
  phase: BuildPhase;
  cancelled?: boolean;
  reason?: string;
  message?: string;
  startTimestamp?: Time;
  completionTimestamp?: Time;
  /** Nanoseconds. */
  duration?: number;
  outputDockerImageReference?: string;
  config?: ObjectReference;
  output?: { to?: { imageDigest?: string } };
  stages?: StageInfo[];
  logSnippet?: string;
  conditions?: Condition[];
}
export interface Build extends KubeObject {
  spec: CommonBuildSpec & { triggeredBy?: BuildTriggerCause[] };
  status: BuildStatus;
}
/** Body of `buildconfigs/<name>/instantiate` and `builds/<name>/clone`. */
export interface BuildRequest extends KubeObject {
  revision?: SourceRevision;
  triggeredByImage?: ObjectReference;
  from?: ObjectReference;
  lastVersion?: number;
  env?: IEnvVar[];
  triggeredBy?: BuildTriggerCause[];
  sourceStrategyOptions?: { incremental?: boolean };
  dockerStrategyOptions?: DockerStrategyOptions;
  binary?: { asFile?: string };
}
export interface DockerStrategyOptions {
  buildArgs?: IEnvVar[];
  noCache?: boolean;
}

export interface GitInfo extends GitSource, GitSourceRevision {
  refs?: (GitSource & GitSourceRevision)[];
}
/** Body of a generic webhook. */
export interface GenericWebHookEvent {
  type?: BuildSource['type'];
  git?: GitInfo;
  env?: IEnvVar[];
  dockerStrategyOptions?: DockerStrategyOptions;
}

export const buildConfigs = resource<BuildConfig>('build.openshift.io/v1', {
  kind: 'BuildConfig', plural: 'buildconfigs', namespaced: true, shortNames: ['bc'], categories: ['all'],
});
export const builds = resource<Build>('build.openshift.io/v1', { kind: 'Build', plural: 'builds', namespaced: true, categories: ['all'] });

export const buildLabels = {
  /** On builds and build pods: the build's name. */
  build: 'openshift.io/build.name',
  buildConfig: 'openshift.io/build-config.name',
  runPolicy: 'openshift.io/build.start-policy',
} as const;
export const buildAnnotations = {
  buildConfig: 'openshift.io/build-config.name',
  number: 'openshift.io/build.number',
  podName: 'openshift.io/build.pod-name',
  /** On a build that repeats another one: that one's name. */
  cloneOf: 'openshift.io/build.clone-of',
  paused: 'openshift.io/build-config.paused',
  /** On a build: its builder by the name a person gave, `openshift/nodejs:latest`; the spec names its digest. */
  builder: 'slipway.dev/builder',
  /** On a build pod: stages and the nine steps the builder has reached, as JSON (see protocol/build-progress.ts). */
  progress: 'slipway.dev/build-progress',
} as const;

/** The strategy's word, also for specs that leave it out. */
export function strategyType(strategy: BuildStrategy): BuildStrategy['type'] {
  if (strategy.type) return strategy.type;
  if (strategy.sourceStrategy) return 'Source';
  if (strategy.dockerStrategy) return 'Docker';
  if (strategy.customStrategy) return 'Custom';
  return strategy.jenkinsPipelineStrategy ? 'JenkinsPipeline' : undefined;
}

/** The image a build starts from: what an ImageChange trigger without `from` watches. A Dockerfile may name its own. */
export function strategyFrom({ sourceStrategy, dockerStrategy, customStrategy }: BuildStrategy): ObjectReference | undefined {
  return sourceStrategy?.from ?? dockerStrategy?.from ?? customStrategy?.from;
}
