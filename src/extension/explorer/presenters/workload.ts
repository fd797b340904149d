import type { Deployment } from '../../../api/kinds/apps.ts';
import type { DeploymentConfig } from '../../../api/kinds/deployment-config.ts';
import { tooltipOf, type Presentation, type Translate } from '../node.ts';

/** Deployments and deployment configs: the same facts under the same names. */
export function presentWorkload(workload: Deployment | DeploymentConfig, t: Translate): Presentation {
  const wanted = workload.spec.replicas ?? 1;
  const ready = workload.status?.readyReplicas ?? 0;
  const images = workload.spec.template?.spec?.containers.map((container) => container.image).join(', ');
  const failed = workload.status?.conditions?.find((condition) => condition.type === 'Progressing' && condition.status === 'False');
  const version = 'latestVersion' in (workload.status ?? {}) ? (workload as DeploymentConfig).status?.latestVersion : undefined;
  return {
    label: workload.metadata.name,
    description: `${ready}/${wanted}${version ? ` · #${version}` : ''}`,
    icon: failed ? 'error' : ready < wanted ? 'sync~spin' : 'layers',
    colour: failed ? 'testing.iconFailed' : ready < wanted ? 'charts.blue' : wanted === 0 ? 'disabledForeground' : 'testing.iconPassed',
    tooltip: tooltipOf(`${workload.kind} ${workload.metadata.name}`, [
      [t('Replicas'), `${ready}/${wanted}`], [t('Revision'), version], [t('Image'), images], [t('Created'), workload.metadata.creationTimestamp], [t('Reason'), failed?.message],
    ]),
    contextValue: workload.kind.toLowerCase(),
    accessibility: t('{0} {1}, {2} of {3} ready', workload.kind, workload.metadata.name, ready, wanted),
    expand: 'expanded',
  };
}
