import { stringify } from 'yaml';
import { controllerRevisions, deployments, replicaSets } from '../../api/kinds/apps.ts';
import { replicationControllers } from '../../api/kinds/core.ts';
import { deploymentConfigs, deploymentLabels } from '../../api/kinds/deployment-config.ts';
import type { LabelSelector } from '../../api/meta.ts';
import { formatSelector, selectorOf } from '../../api/selector.ts';
import type { Client } from '../client.ts';
import { noRevision, notSupported } from './refusal.ts';
import { revisionsOfConfig, revisionsOfDeployment, revisionsOfSet, type Revision } from './revisions.ts';
import { rolloutKindOf, type RolloutTarget, type Workload } from './target.ts';

/** The workload and what is kept of its past, newest first. */
export interface History {
  workload: Workload;
  revisions: Revision[];
}

export async function readHistory(client: Client, target: RolloutTarget): Promise<History> {
  const { of, namespace, name } = target;
  switch (rolloutKindOf(of)) {
    case 'DeploymentConfig': {
      const [config, { items }] = await Promise.all([client.get(deploymentConfigs, { namespace, name }), client.list(replicationControllers, { namespace, labelSelector: `${deploymentLabels.config}=${name}` })]);
      return { workload: config, revisions: revisionsOfConfig(config, items) };
    }
    case 'Deployment': {
      const deployment = await client.get(deployments, { namespace, name });
      const { items } = await client.list(replicaSets, { namespace, ...selected(deployment.spec.selector as LabelSelector) });
      return { workload: deployment as Workload, revisions: revisionsOfDeployment(deployment, items) };
    }
    case 'StatefulSet':
    case 'DaemonSet': {
      const set = (await client.get(of, { namespace, name })) as Workload & { spec: { selector?: LabelSelector } };
      const { items } = await client.list(controllerRevisions, { namespace, ...selected(set.spec.selector) });
      return { workload: set, revisions: revisionsOfSet(set, items) };
    }
    case undefined:
      throw notSupported(target, 'history');
  }
}

function selected(selector: LabelSelector | undefined): { labelSelector?: string } {
  const text = formatSelector(selectorOf(selector) ?? []);
  return text ? { labelSelector: text } : {};
}

/** Rejects with a text that names the revisions there are. */
export function findRevision(target: RolloutTarget, revisions: readonly Revision[], number: number): Revision {
  const found = revisions.find((one) => one.number === number);
  if (!found) throw noRevision(target, number, revisions.map((one) => one.number).sort((a, b) => a - b));
  return found;
}

/** A revision's template as YAML, members sorted: two of these are what a diff shows. */
export function revisionText({ template }: Pick<Revision, 'template'>): string {
  return stringify(template, { sortMapEntries: true, lineWidth: 0 });
}
