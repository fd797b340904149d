import type { DaemonSet } from '../../../api/kinds/apps.ts';
import type { Condition } from '../../../api/meta.ts';
import type { DeploymentConfig } from '../../../api/kinds/deployment-config.ts';
import type { Workload } from '../project-content.ts';
import { kindWord } from '../kind-words.ts';
import { tooltipOf, type IconColour, type Presentation, type Translate } from '../node.ts';

/** Deployments, deployment configs, stateful and daemon sets: the same facts under the same names. */
export function presentWorkload(workload: Workload, t: Translate): Presentation {
  const { wanted, ready } = numbersOf(workload);
  const images = workload.spec.template?.spec?.containers.map((container) => container.image).join(', ');
  const progress = (workload.status?.conditions as Condition[] | undefined)?.find((condition) => condition.type === 'Progressing');
  const failed = progress?.status === 'False' ? progress : undefined;
  const version = workload.kind === 'DeploymentConfig' ? ((workload as DeploymentConfig).status?.latestVersion ?? 0) : undefined;
  // Before its first image a deployment config deploys nothing, and nothing is under way.
  const idle = version === 0 || wanted === 0;
  const paused = (workload.spec as DeploymentConfig['spec']).paused ?? false;
  const [icon, colour] = look(failed !== undefined, idle, ready < wanted);
  return {
    label: workload.metadata.name,
    description: version === 0 ? t('not deployed yet') : [`${ready}/${wanted}`, version ? `#${version}` : '', paused ? t('paused') : ''].filter(Boolean).join(' · '),
    icon,
    colour,
    tooltip: tooltipOf(`${kindWord(workload.kind ?? '', t)} ${workload.metadata.name}`, [
      [t('Replicas'), `${ready}/${wanted}`], [t('Revision'), version || undefined], [t('Image'), images], [t('Created'), workload.metadata.creationTimestamp], [t('Reason'), failed?.message],
    ]),
    contextValue: [(workload.kind ?? '').toLowerCase(), paused && 'paused', version !== undefined && rolloutWord(progress)].filter(Boolean).join('.'),
    accessibility: t('{0} {1}, {2} of {3} ready', kindWord(workload.kind ?? '', t), workload.metadata.name, ready, wanted),
    expand: 'expanded',
  };
}

/** A daemon set wants a pod a node, whatever anybody asks for. */
function numbersOf(workload: Workload): { wanted: number; ready: number } {
  if (workload.kind === 'DaemonSet') return { wanted: (workload as DaemonSet).status?.desiredNumberScheduled ?? 0, ready: (workload as DaemonSet).status?.numberReady ?? 0 };
  const { spec, status } = workload as DeploymentConfig;
  return { wanted: spec.replicas ?? 1, ready: status?.readyReplicas ?? 0 };
}

/** Of a deployment config: what its newest rollout, which has a deployer of its own, can be asked for. */
function rolloutWord(progress: Condition | undefined): string | undefined {
  if (progress?.status === 'False') return 'failed';
  return progress && progress.reason !== 'NewReplicationControllerAvailable' ? 'rolling' : undefined;
}

function look(failed: boolean, idle: boolean, waiting: boolean): [string, IconColour] {
  if (failed) return ['error', 'testing.iconFailed'];
  if (idle) return ['layers', 'disabledForeground'];
  return waiting ? ['sync~spin', 'charts.blue'] : ['layers', 'testing.iconPassed'];
}
