/** How objects of each kind are offered in a quick pick: with the icon and the state their nodes have in the tree. */
import * as vscode from 'vscode';
import { daemonSets, deployments, statefulSets, type DaemonSet, type Deployment, type StatefulSet } from '../../api/kinds/apps.ts';
import { builds, buildConfigs, type Build, type BuildConfig } from '../../api/kinds/build.ts';
import { pods, services, type Pod, type Service } from '../../api/kinds/core.ts';
import { deploymentConfigs, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import { imageStreams, type ImageStream } from '../../api/kinds/image.ts';
import { ingresses, type Ingress } from '../../api/kinds/ingress.ts';
import { routes, type Route } from '../../api/kinds/route.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import type { Session } from '../connections/session.ts';
import type { Presentation } from '../explorer/node.ts';
import { isActive, presentBuild, presentBuildConfig } from '../explorer/presenters/build.ts';
import { presentImageStream } from '../explorer/presenters/image.ts';
import { presentIngress, presentRoute, presentService } from '../explorer/presenters/network.ts';
import { presentPod } from '../explorer/presenters/pod.ts';
import { presentWorkload } from '../explorer/presenters/workload.ts';

const t = vscode.l10n.t;

export interface Choice<T extends KubeObject = KubeObject> {
  resource: Resource<T>;
  /** The kind in the user's language. */
  word: string;
  title: string;
  /** Said when there is nothing to choose. */
  none: string;
  /** Only these are offered. */
  filter?(object: T): boolean;
  show(object: T): Presentation;
}

export const podChoice = (): Choice<Pod> => ({
  resource: pods, word: t('Pod'), title: t('Choose a pod'), none: t('There is no pod in project "{0}".', '{0}'), show: (pod) => presentPod(pod, t, new Date()),
});
export const runningPodChoice = (): Choice<Pod> => ({ ...podChoice(), none: t('No pod runs in project "{0}".', '{0}'), filter: (pod) => pod.status?.phase === 'Running' });
export const deploymentConfigChoice = (): Choice<DeploymentConfig> => ({
  resource: deploymentConfigs, word: t('Deployment config'), title: t('Choose a deployment config'), none: t('There is no deployment config in project "{0}".', '{0}'), show: (config) => presentWorkload(config, t),
});
export const deploymentChoice = (): Choice<Deployment> => ({
  resource: deployments, word: t('Deployment'), title: t('Choose a deployment'), none: t('There is no deployment in project "{0}".', '{0}'), show: (deployment) => presentWorkload(deployment, t),
});
export const statefulSetChoice = (): Choice<StatefulSet> => ({
  resource: statefulSets, word: t('Stateful set'), title: t('Choose a stateful set'), none: t('There is no stateful set in project "{0}".', '{0}'), show: (set) => presentWorkload(set, t),
});
export const daemonSetChoice = (): Choice<DaemonSet> => ({
  resource: daemonSets, word: t('Daemon set'), title: t('Choose a daemon set'), none: t('There is no daemon set in project "{0}".', '{0}'), show: (set) => presentWorkload(set, t),
});
export const serviceChoice = (): Choice<Service> => ({
  resource: services, word: t('Service'), title: t('Choose a service'), none: t('There is no service in project "{0}".', '{0}'), show: (service) => presentService(service, undefined, t),
});
export const routeChoice = (session: Session): Choice<Route> => ({
  resource: routes, word: t('Route'), title: t('Choose a route'), none: t('There is no route in project "{0}".', '{0}'), show: (route) => presentRoute(route, session.routerPorts, t),
});
export const ingressChoice = (): Choice<Ingress> => ({
  resource: ingresses, word: t('Ingress'), title: t('Choose an ingress'), none: t('There is no ingress in project "{0}".', '{0}'), show: (ingress) => presentIngress(ingress, t),
});
export const buildChoice = (): Choice<Build> => ({
  resource: builds, word: t('Build'), title: t('Choose a build'), none: t('There is no build in project "{0}".', '{0}'), show: (build) => presentBuild(build, t),
});
export const activeBuildChoice = (): Choice<Build> => ({ ...buildChoice(), none: t('No build runs in project "{0}".', '{0}'), filter: isActive });
export const buildConfigChoice = (): Choice<BuildConfig> => ({
  resource: buildConfigs, word: t('Build config'), title: t('Choose a build config'), none: t('There is no build config in project "{0}".', '{0}'), show: (config) => presentBuildConfig(config, undefined, t),
});

export const imageStreamChoice = (): Choice<ImageStream> => ({
  resource: imageStreams, word: t('Image stream'), title: t('Choose an image stream'), none: t('There is no image stream in project "{0}".', '{0}'), show: (stream) => presentImageStream(stream, t),
});

/** What keeps pods running. */
export const workloadChoices = (): Choice[] => [deploymentConfigChoice(), deploymentChoice(), statefulSetChoice(), daemonSetChoice()] as unknown as Choice[];

/** What a port can be forwarded to. */
export const forwardChoices = (): Choice[] => [serviceChoice(), ...workloadChoices(), runningPodChoice()] as unknown as Choice[];

/** Every kind the trees show. */
export const allChoices = (session: Session): Choice[] =>
  [podChoice(), deploymentConfigChoice(), deploymentChoice(), statefulSetChoice(), daemonSetChoice(), serviceChoice(), routeChoice(session), ingressChoice(), buildConfigChoice(), buildChoice(), imageStreamChoice()] as unknown as Choice[];

/** The kind's word in the user's language. */
export function wordFor(session: Session, of: Pick<Resource, 'plural' | 'kind'>): string {
  return allChoices(session).find(({ resource }) => resource.plural === of.plural)?.word ?? of.kind;
}
