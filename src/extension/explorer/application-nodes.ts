/** Projects and the applications in them as nodes. */
import * as vscode from 'vscode';
import type { BuildConfig } from '../../api/kinds/build.ts';
import { projectAnnotations } from '../../api/kinds/project.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import type { Session } from '../connections/session.ts';
import { tooltipOf, type TreeNode } from './node.ts';
import { buildConfigNode, ingressNode, podNode, routeNode, serviceNode, workloadNode } from './object-nodes.ts';
import type { Application } from './project-content.ts';
import { stateWord } from './state-words.ts';

const t = vscode.l10n.t;

export interface ApplicationNode extends TreeNode {
  application: Application;
}

export function isApplicationNode(node: TreeNode): node is ApplicationNode {
  return 'application' in node;
}

export function projectNode(session: Session, resource: Resource, project: KubeObject): TreeNode {
  const { name, annotations, creationTimestamp } = project.metadata;
  const current = name === session.project;
  const ending = (project as { status?: { phase?: string } }).status?.phase === 'Terminating';
  const title = annotations?.[projectAnnotations.displayName];
  return {
    id: `${session.cluster}/project/${name}`,
    label: name,
    description: ending ? stateWord('Terminating', t) : current ? t('current') : (title ?? ''),
    icon: ending ? 'circle-slash' : 'project',
    ...(current && !ending && { colour: 'charts.green' as const }),
    tooltip: tooltipOf(title ?? name, [[t('Description'), annotations?.[projectAnnotations.description]], [t('Created'), creationTimestamp]]),
    contextValue: current ? 'project.current' : 'project',
    accessibility: current ? t('Project {0}, current', name) : t('Project {0}', name),
    expand: current ? 'expanded' : 'collapsed',
    resource,
    object: project,
  };
}

/** Applications that a save builds anew. */
export type Saving = (config: BuildConfig) => boolean;

export function applicationNode(session: Session, project: TreeNode, application: Application, saving: Saving): ApplicationNode {
  const route = waysIn(session, application).find((one) => one.url);
  const workloads = application.workloads.map(({ workload }) => workloadNode(session, workload));
  // The worst state of its parts is the application's.
  const worst = workloads.find((one) => one.colour === 'testing.iconFailed') ?? workloads.find((one) => one.colour === 'charts.blue') ?? workloads[0];
  const configs = application.buildConfigs.map(({ config }) => config);
  const replicas = workloads.map((one) => one.description).join(', ');
  return {
    id: `${project.id}/application/${application.name}`,
    label: application.name,
    ...(replicas && { description: replicas }),
    icon: 'rocket',
    ...(worst?.colour && { colour: worst.colour }),
    tooltip: tooltipOf(application.name, [['URL', route?.url], [t('Replicas'), replicas]]),
    contextValue: ['application', route && 'url', configs.length > 0 && 'built', configs.some(saving) && 'saving'].filter(Boolean).join('.'),
    accessibility: t('Application {0}, {1}', application.name, replicas),
    expand: 'expanded',
    ...(route?.url && { url: route.url }),
    namespace: project.label,
    application,
  };
}

export function partsOf(session: Session, application: Application, saving: Saving): TreeNode[] {
  return [
    ...application.workloads.map(({ workload }) => workloadNode(session, workload)),
    ...application.pods.map((pod) => podNode(session, pod)),
    ...application.buildConfigs.map(({ config, builds }) => buildConfigNode(session, config, builds[0], saving(config))),
    ...application.services.map(({ service, endpoints }) => serviceNode(session, service, endpoints)),
    ...waysIn(session, application),
  ];
}

function waysIn(session: Session, { routes, ingresses }: Application): TreeNode[] {
  return [...routes.map((route) => routeNode(session, route)), ...ingresses.map((ingress) => ingressNode(session, ingress))];
}
