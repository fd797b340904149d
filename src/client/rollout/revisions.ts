/** Revisions of a workload from the objects that keep them. Pure; the calls that read those are in `history.ts`. */
import { decodedConfig, phaseOf, versionOf } from '../../api/config-rollout.ts';
import { revisionAnnotation, templateHashLabel, type ControllerRevision, type Deployment, type ReplicaSet } from '../../api/kinds/apps.ts';
import type { PodTemplateSpec, ReplicationController } from '../../api/kinds/core.ts';
import { deploymentAnnotations, deploymentLabels, type DeploymentConfig, type DeploymentPhase } from '../../api/kinds/deployment-config.ts';
import { copyJson, isObject } from '../../api/json.ts';
import { controllerOf, type KubeObject } from '../../api/meta.ts';

export interface Revision {
  /** From 1; the highest is the newest. */
  number: number;
  /** Name of the replication controller, replica set or controller revision that keeps it. */
  keeper: string;
  created: string | undefined;
  /** What the user gave as `kubernetes.io/change-cause`, or else why OpenShift rolled it out (`config change`); empty if nobody said. */
  cause: string;
  /** Of deployment configs only. */
  phase?: DeploymentPhase;
  /** Pods asked for under it now; not known of stateful and daemon sets. */
  replicas?: number;
  /** The one that the workload asks for now. */
  current: boolean;
  /** As the user wrote it, without what controllers add. */
  template: PodTemplateSpec;
}

const causeAnnotation = 'kubernetes.io/change-cause';

/** Newest first. `controllers` may hold others' too. */
export function revisionsOfConfig(config: DeploymentConfig, controllers: readonly ReplicationController[]): Revision[] {
  return newestFirst(
    controllers.filter((one) => belongs(one, config) && versionOf(one) > 0).map((one) => {
      const { [causeAnnotation]: given, [deploymentAnnotations.statusReason]: reason } = one.metadata.annotations ?? {};
      const made = decodedConfig(one);
      return {
        ...keptBy(one, versionOf(one)),
        // A rollout that is tried again has lost its reason; the config it was made from knows it.
        cause: given ?? reason ?? made?.status?.details?.message ?? '',
        phase: phaseOf(one),
        replicas: one.spec.replicas ?? 0,
        current: versionOf(one) === config.status?.latestVersion,
        template: copyJson(made?.spec.template ?? withoutMarks(one.spec.template)),
      };
    }),
  );
}

/** Newest first. `sets` may hold others' too. */
export function revisionsOfDeployment(deployment: Deployment, sets: readonly ReplicaSet[]): Revision[] {
  const numberOf = ({ metadata }: KubeObject) => Number(metadata.annotations?.[revisionAnnotation] ?? 0) || 0;
  return newestFirst(
    sets.filter((set) => controllerOf(set)?.uid === deployment.metadata.uid && numberOf(set) > 0).map((set) => ({
      ...keptBy(set, numberOf(set)),
      replicas: set.spec.replicas ?? 1,
      current: numberOf(set) === numberOf(deployment),
      template: withoutHash(set.spec.template),
    })),
  );
}

/** Of a stateful or daemon set, newest first: the newest is the one asked for. `kept` may hold others' too. */
export function revisionsOfSet(set: KubeObject, kept: readonly ControllerRevision[]): Revision[] {
  const found = newestFirst(
    kept.filter((one) => controllerOf(one)?.uid === set.metadata.uid).map((one) => ({ ...keptBy(one, one.revision), current: false, template: templateOf(one) })),
  );
  return found.map((one, at) => ({ ...one, current: at === 0 }));
}

function keptBy({ metadata }: KubeObject, number: number): Pick<Revision, 'number' | 'keeper' | 'created' | 'cause'> {
  return { number, keeper: metadata.name, created: metadata.creationTimestamp, cause: metadata.annotations?.[causeAnnotation] ?? '' };
}

function belongs(rollout: ReplicationController, { metadata }: DeploymentConfig): boolean {
  const owner = controllerOf(rollout);
  return owner ? owner.uid === metadata.uid : rollout.metadata.labels?.[deploymentLabels.config] === metadata.name;
}

const newestFirst = (revisions: Revision[]) => revisions.sort((a, b) => b.number - a.number);

/** The template that a controller revision's patch sets. */
export function templateOf({ data }: ControllerRevision): PodTemplateSpec {
  const spec = isObject(data) && isObject(data.spec) ? data.spec : {};
  const { $patch: _, ...template } = (isObject(spec.template) ? spec.template : {}) as Record<string, unknown>;
  return copyJson(template) as PodTemplateSpec;
}

function withoutHash(template: PodTemplateSpec | undefined): PodTemplateSpec {
  return withMetadata(template, { [templateHashLabel]: true }, {});
}

function withoutMarks(template: PodTemplateSpec | undefined): PodTemplateSpec {
  const { config, version, deployment } = deploymentAnnotations;
  return withMetadata(template, { [deploymentLabels.deployment]: true, [deploymentLabels.deploymentConfig]: true }, { [config]: true, [version]: true, [deployment]: true });
}

function withMetadata(template: PodTemplateSpec | undefined, labels: Record<string, true>, annotations: Record<string, true>): PodTemplateSpec {
  const copy = copyJson(template ?? {}) as { metadata?: { creationTimestamp?: unknown; labels?: Record<string, string>; annotations?: Record<string, string> } };
  delete copy.metadata?.creationTimestamp;
  for (const key of Object.keys(labels)) delete copy.metadata?.labels?.[key];
  for (const key of Object.keys(annotations)) delete copy.metadata?.annotations?.[key];
  if (copy.metadata?.annotations && Object.keys(copy.metadata.annotations).length === 0) delete copy.metadata.annotations;
  return copy as PodTemplateSpec;
}
