/** build.openshift.io/v1 (openshift/api build/v1). */
import type { IEnvVar, IResourceRequirements } from 'kubernetes-models/v1';
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
}
export interface SourceBuildStrategy {
  from: ObjectReference;
  pullSecret?: LocalObjectReference;
  env?: IEnvVar[];
  /** URL of a folder with scripts that override the builder's. */
  scripts?: string;
  incremental?: boolean;
  forcePull?: boolean;
}
export interface BuildStrategy {
  type?: 'Source' | 'Docker' | 'Custom' | 'JenkinsPipeline';
  sourceStrategy?: SourceBuildStrategy;
  dockerStrategy?: Record<string, unknown>;
  customStrategy?: Record<string, unknown>;
  jenkinsPipelineStrategy?: Record<string, unknown>;
}
export interface SourceRevision {
  type?: 'Git' | 'Source';
  git?: { commit?: string; message?: string; author?: { name?: string; email?: string }; committer?: { name?: string; email?: string } };
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
  nodeSelector?: Record<string, string> | null;
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
  secretReference?: LocalObjectReference;
  allowEnv?: boolean;
}
export interface BuildConfig extends KubeObject {
  spec: CommonBuildSpec & {
    triggers?: BuildTriggerPolicy[];
    runPolicy?: 'Serial' | 'SerialLatestOnly' | 'Parallel';
    successfulBuildsHistoryLimit?: number;
    failedBuildsHistoryLimit?: number;
  };
  status?: { lastVersion: number; imageChangeTriggers?: { from?: ObjectReference; lastTriggeredImageID?: string; lastTriggerTime?: Time }[] };
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
  binary?: { asFile?: string };
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
  paused: 'openshift.io/build-config.paused',
  /** On a build: its builder by the name a person gave, `openshift/nodejs:latest`; the spec names its digest. */
  builder: 'slipway.dev/builder',
  /** On a build pod: stages and the nine steps the builder has reached, as JSON (see protocol/build-progress.ts). */
  progress: 'slipway.dev/build-progress',
} as const;
