/** The Projects view: projects, in each its applications, in those what they are made of. */
import * as vscode from 'vscode';
import type { BuildConfig } from '../../api/kinds/build.ts';
import type { Pod } from '../../api/kinds/core.ts';
import { namespaces } from '../../api/kinds/core.ts';
import { projects } from '../../api/kinds/project.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import { isStatusError } from '../../api/status.ts';
import { applicationNode, isApplicationNode, partsOf, projectNode } from './application-nodes.ts';
import { clusterFailureNodes, connectingNode, emptyProjectNode, problemNode, startFailureNodes, startingNode } from './notes.ts';
import type { TreeNode } from './node.ts';
import { lackText } from './lacks.ts';
import { buildNode, containerNodes, podNode } from './object-nodes.ts';
import { ObjectList } from './object-list.ts';
import type { TreeSource } from './object-tree.ts';
import type { ViewParts } from './view-parts.ts';
import { groupApplications } from './project-content.ts';
import { applicationParts, ProjectWatch } from './project-watch.ts';

/** Projects of the platform itself; shown only while one is the current project. */
const system = /^(kube-|openshift)/;
/** Builds shown under a build config; the Builds view has all of them. */
const shownBuilds = 5;

export function projectsSource({ session, platform, rebuild }: ViewParts): TreeSource {
  const saving = (config: BuildConfig) => rebuild.has(config);
  let list: ObjectList<KubeObject> | undefined;
  let over: unknown;
  let changed: () => void = () => undefined;
  const watches = new Map<string, ProjectWatch>();

  const forget = (namespace: string) => {
    watches.get(namespace)?.dispose();
    watches.delete(namespace);
  };
  const close = () => {
    list?.dispose();
    list = undefined;
    for (const namespace of [...watches.keys()]) forget(namespace);
  };
  const watchOf = (namespace: string): ProjectWatch => {
    let watch = watches.get(namespace);
    if (!watch) {
      watch = new ProjectWatch(session, namespace, applicationParts, changed);
      watches.set(namespace, watch);
    }
    return watch;
  };
  const follow = () => {
    if (over !== session.connection) close();
    if (session.state === 'connected' && !list) {
      over = session.connection;
      list = new ObjectList(session, (session.serves(projects) ? projects : namespaces) as Resource, undefined, changed);
    }
    changed();
  };

  return {
    attach(tell) {
      changed = tell;
      const listening = [session.onDidChange(follow), platform.onDidChange(tell), rebuild.onDidChange(tell)];
      if (session.state === 'idle') void session.connect();
      follow();
      return { dispose: () => (listening.forEach((one) => one.dispose()), close()) };
    },
    async roots() {
      if (session.choice.type === 'embedded' && platform.state === 'starting') return [startingNode(platform)];
      if (session.choice.type === 'embedded' && platform.failure) return startFailureNodes(platform.failure);
      if (session.state === 'failed') return clusterFailureNodes(session);
      if (session.state === 'connecting' && session.choice.type === 'context') return [connectingNode(session)];
      const own = list;
      if (!own) return [];
      await own.ready;
      if (own !== list) return [];
      return listed(own);
    },
    async children(node) {
      if (node.contextValue.startsWith('project')) return applications(node);
      if (isApplicationNode(node)) return partsOf(session, node.application, saving);
      if (node.contextValue.startsWith('pod')) return containerNodes(session, node.object as Pod);
      const found = groupApplications(watchOf(node.object?.metadata.namespace ?? session.project).objects());
      const uid = node.object?.metadata.uid;
      if (node.contextValue.startsWith('buildconfig')) {
        const builds = found.flatMap((one) => one.buildConfigs).find(({ config }) => config.metadata.uid === uid)?.builds ?? [];
        return builds.slice(0, shownBuilds).map((build) => buildNode(session, build));
      }
      const pods = found.flatMap((one) => one.workloads).find(({ workload }) => workload.metadata.uid === uid)?.pods ?? [];
      return pods.map((pod) => podNode(session, pod));
    },
    collapsed(node) {
      if (node.contextValue === 'project') forget(node.label);
    },
    description: () => (session.state === 'connected' ? `${session.cluster} · ${session.project}` : ''),
    message: () => lackText(session),
  };

  function listed(own: ObjectList<KubeObject>): TreeNode[] {
    const found = own.items().filter(({ metadata: { name } }) => name === session.project || !system.test(name));
    for (const namespace of [...watches.keys()]) if (!found.some((one) => one.metadata.name === namespace) && namespace !== session.project) forget(namespace);
    // Who may not list projects still works in the one that the kubeconfig names.
    const current = found.some((one) => one.metadata.name === session.project) ? [] : [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: session.project } } as KubeObject];
    const shown = [...found, ...(isStatusError(own.problem, 'Forbidden') ? current : [])];
    const first = (one: KubeObject) => Number(one.metadata.name === session.project);
    const nodes = shown.sort((a, b) => first(b) - first(a) || a.metadata.name.localeCompare(b.metadata.name)).map((one) => projectNode(session, own.resource, one));
    return [...(own.problem && !isStatusError(own.problem) ? [problemNode(session.cluster, own.problem)] : []), ...nodes];
  }

  async function applications(project: TreeNode): Promise<TreeNode[]> {
    const watch = watchOf(project.label);
    await watch.ready;
    const nodes = groupApplications(watch.objects()).map((application) => applicationNode(session, project, application, saving));
    const problems = watch.problems().map((problem) => problemNode(project.id, problem));
    if (project.label === session.project) void vscode.commands.executeCommand('setContext', 'slipway.empty', nodes.length === 0);
    return nodes.length + problems.length === 0 ? [emptyProjectNode(project)] : [...problems, ...nodes];
  }
}
