/** Objects to nodes: the presenter of each kind, with the id and resource every node needs. */
import * as vscode from 'vscode';
import { daemonSets, deployments, statefulSets } from '../../api/kinds/apps.ts';
import { buildConfigs, builds, type Build, type BuildConfig } from '../../api/kinds/build.ts';
import { pods, services, type Endpoints, type Pod, type Service } from '../../api/kinds/core.ts';
import { deploymentConfigs } from '../../api/kinds/deployment-config.ts';
import { ingresses, type Ingress } from '../../api/kinds/ingress.ts';
import { routes, type Route } from '../../api/kinds/route.ts';
import { keyOf, type KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import type { Session } from '../connections/session.ts';
import type { Presentation, TreeNode } from './node.ts';
import type { Workload } from './project-content.ts';
import { presentBuild, presentBuildConfig } from './presenters/build.ts';
import { presentIngress, presentRoute, presentService } from './presenters/network.ts';
import { presentContainer, presentPod } from './presenters/pod.ts';
import { presentWorkload } from './presenters/workload.ts';

const t = vscode.l10n.t;

function node(session: Session, resource: Resource, object: KubeObject, shown: Presentation): TreeNode {
  return { id: `${session.cluster}/${resource.plural}.${resource.group}/${keyOf(object)}`, resource, object, ...shown };
}

export const podNode = (session: Session, pod: Pod) => node(session, pods, pod, presentPod(pod, t, new Date()));
export const serviceNode = (session: Session, service: Service, found: Endpoints | undefined) => node(session, services, service, presentService(service, found, t));
export const routeNode = (session: Session, route: Route) => node(session, routes, route, presentRoute(route, session.routerPorts, t));
export const ingressNode = (session: Session, ingress: Ingress) => node(session, ingresses, ingress, presentIngress(ingress, t));
export const buildNode = (session: Session, build: Build) => node(session, builds, build, presentBuild(build, t));
export const buildConfigNode = (session: Session, config: BuildConfig, newest: Build | undefined, saving: boolean) => node(session, buildConfigs, config, presentBuildConfig(config, newest, t, saving));
const workloadKinds: Record<string, Resource> = { Deployment: deployments, DeploymentConfig: deploymentConfigs, StatefulSet: statefulSets, DaemonSet: daemonSets } as unknown as Record<string, Resource>;
export const workloadNode = (session: Session, workload: Workload) => node(session, workloadKinds[workload.kind ?? ''] as Resource, workload, presentWorkload(workload, t));

export function containerNodes(session: Session, pod: Pod): TreeNode[] {
  return pod.spec.containers.map((container) => {
    const status = pod.status?.containerStatuses?.find((one) => one.name === container.name);
    const shown = presentContainer(container, status, t);
    return { ...node(session, pods, pod, shown), id: `${session.cluster}/containers/${keyOf(pod)}/${container.name}`, container: container.name };
  });
}
