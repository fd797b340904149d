/** The Projects view: projects, in each its applications, in those what they are made of. */
import * as vscode from 'vscode';
import type { Pod } from '../../api/kinds/core.ts';
import { namespaces } from '../../api/kinds/core.ts';
import { projectAnnotations } from '../../api/kinds/project.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { Session, SharedInformer } from '../connections/session.ts';
import { buildConfigNode, buildNode, containerNodes, podNode, routeNode, serviceNode, workloadNode } from './object-nodes.ts';
import { tooltipOf, type TreeNode } from './node.ts';
import type { TreeSource } from './object-tree.ts';
import { groupApplications, type Application } from './project-content.ts';
import { ProjectWatch } from './project-watch.ts';

/** Projects of the platform itself; shown only while one is the current project. */
const system = /^(kube-|openshift)/;
/** Builds shown under a build config; the Builds view has all of them. */
const shownBuilds = 5;

interface ApplicationNode extends TreeNode {
  application: Application;
}

export function projectsSource(session: Session): TreeSource {
  let projects: SharedInformer<KubeObject> | undefined;
  const watches = new Map<string, ProjectWatch>();
  let changed: () => void = () => undefined;

  const close = () => {
    projects?.dispose();
    projects = undefined;
    for (const watch of watches.values()) watch.dispose();
    watches.clear();
  };
  const watchOf = (namespace: string): ProjectWatch => {
    let watch = watches.get(namespace);
    if (!watch) {
      watch = new ProjectWatch(session, namespace, ['deploymentConfigs', 'deployments', 'pods', 'buildConfigs', 'builds', 'services', 'endpoints', 'routes']);
      watch.onDidChange(() => changed());
      watches.set(namespace, watch);
    }
    return watch;
  };

  return {
    attach(tell) {
      changed = tell;
      const listening = session.onDidChange(() => {
        if (session.state !== 'connected') close();
        tell();
      });
      if (session.state === 'idle') void session.connect();
      return { dispose: () => (listening.dispose(), close()) };
    },
    async roots() {
      if (session.state === 'failed') return [failureNode(session)];
      if (session.state !== 'connected') return [];
      if (!projects) {
        projects = await session.watch(namespaces, undefined);
        projects.informer.onChange(() => changed());
        await Promise.race([projects.informer.synced, new Promise((resolve) => setTimeout(resolve, 3_000))]);
      }
      const shown = projects.informer.list().filter(({ metadata: { name } }) => name === session.project || !system.test(name));
      for (const [namespace, watch] of watches) if (!shown.some((one) => one.metadata.name === namespace)) (watch.dispose(), watches.delete(namespace));
      return shown.sort((a, b) => Number(b.metadata.name === session.project) - Number(a.metadata.name === session.project) || a.metadata.name.localeCompare(b.metadata.name)).map((one) => projectNode(session, one));
    },
    async children(node) {
      if (node.contextValue.startsWith('project')) {
        const watch = watchOf(node.label);
        await watch.ready;
        const applications = groupApplications(watch.objects());
        if (node.label === session.project) void vscode.commands.executeCommand('setContext', 'slipway.empty', applications.length === 0);
        return applications.map((application) => applicationNode(session, node, application));
      }
      const objects = watchOf(node.object?.metadata.namespace ?? session.project).objects();
      if (node.contextValue.startsWith('application')) return partsOf(session, (node as ApplicationNode).application, objects.endpoints);
      const application = groupApplications(objects);
      if (node.contextValue.startsWith('pod')) return containerNodes(session, node.object as Pod);
      if (node.contextValue === 'buildconfig') {
        const builds = application.flatMap((one) => one.buildConfigs).find(({ config }) => config.metadata.uid === node.object?.metadata.uid)?.builds ?? [];
        return builds.slice(0, shownBuilds).map((build) => buildNode(session, build));
      }
      const pods = application.flatMap((one) => one.workloads).find(({ workload }) => workload.metadata.uid === node.object?.metadata.uid)?.pods ?? [];
      return pods.map((pod) => podNode(session, pod));
    },
    description: () => (session.state === 'connected' ? `${session.cluster} · ${session.project}` : ''),
  };
}

function projectNode(session: Session, namespace: KubeObject): TreeNode {
  const { name, annotations } = namespace.metadata;
  const current = name === session.project;
  const phase = (namespace as { status?: { phase?: string } }).status?.phase;
  const title = annotations?.[projectAnnotations.displayName];
  return {
    id: `${session.cluster}/project/${name}`,
    label: name,
    description: phase === 'Terminating' ? phase : current ? vscode.l10n.t('current') : (title ?? ''),
    icon: phase === 'Terminating' ? 'circle-slash' : 'project',
    ...(current && { colour: 'charts.green' as const }),
    tooltip: tooltipOf(title ?? name, [[vscode.l10n.t('Description'), annotations?.[projectAnnotations.description]], [vscode.l10n.t('Created'), namespace.metadata.creationTimestamp]]),
    contextValue: current ? 'project.current' : 'project',
    accessibility: vscode.l10n.t('Project {0}', name),
    expand: current ? 'expanded' : 'collapsed',
    resource: namespaces,
    object: namespace,
  };
}

function applicationNode(session: Session, project: TreeNode, application: Application): ApplicationNode {
  const route = application.routes.map((one) => routeNode(session, one)).find((one) => one.url);
  const workloads = application.workloads.map(({ workload }) => workloadNode(session, workload));
  const failed = workloads.find((one) => one.colour === 'testing.iconFailed');
  return {
    id: `${project.id}/application/${application.name}`,
    label: application.name,
    description: workloads.map((one) => one.description).join(', '),
    icon: 'rocket',
    ...((failed ?? workloads[0])?.colour && { colour: (failed ?? workloads[0])?.colour }),
    tooltip: tooltipOf(application.name, [['URL', route?.url], [vscode.l10n.t('Replicas'), workloads.map((one) => one.description).join(', ')]]),
    contextValue: route ? 'application.url' : 'application',
    accessibility: vscode.l10n.t('Application {0}', application.name),
    expand: 'expanded',
    ...(route?.url && { url: route.url }),
    ...(project.object && { object: { ...project.object, metadata: { ...project.object.metadata, namespace: project.label, name: application.name } } }),
    application,
  } as ApplicationNode;
}

function partsOf(session: Session, application: Application, endpoints: Parameters<typeof serviceNode>[2][] | readonly unknown[]): TreeNode[] {
  const all = endpoints as readonly NonNullable<Parameters<typeof serviceNode>[2]>[];
  return [
    ...application.workloads.map(({ workload }) => workloadNode(session, workload)),
    ...application.pods.map((pod) => podNode(session, pod)),
    ...application.buildConfigs.map(({ config, builds }) => buildConfigNode(session, config, builds[0])),
    ...application.services.map((service) => serviceNode(session, service, all.find((one) => one.metadata.name === service.metadata.name))),
    ...application.routes.map((route) => routeNode(session, route)),
  ];
}

function failureNode(session: Session): TreeNode {
  return {
    id: `${session.cluster}/failure`,
    label: vscode.l10n.t('Cluster "{0}" cannot be reached', session.cluster),
    description: session.failure?.message ?? '',
    icon: 'error',
    colour: 'testing.iconFailed',
    tooltip: session.failure?.message ?? '',
    contextValue: 'failure',
    command: 'slipway.cluster.switch',
  };
}
