/** How each kind is offered in a quick pick: with the icon and the state its node has in the tree. */
import * as vscode from 'vscode';
import { builds, buildConfigs, type Build, type BuildConfig } from '../../api/kinds/build.ts';
import { pods, type Pod } from '../../api/kinds/core.ts';
import { deploymentConfigs, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import { routes, type Route } from '../../api/kinds/route.ts';
import type { Session } from '../connections/session.ts';
import { isActive, presentBuild } from '../explorer/presenters/build.ts';
import { presentRoute } from '../explorer/presenters/network.ts';
import { presentPod } from '../explorer/presenters/pod.ts';
import { presentWorkload } from '../explorer/presenters/workload.ts';
import type { Choice } from './target.ts';

const t = vscode.l10n.t;

export const podChoice = (): Choice<Pod> => ({ resource: pods, title: t('Choose a pod'), show: (pod) => presentPod(pod, t, new Date()) });
export const runningPodChoice = (): Choice<Pod> => ({ ...podChoice(), filter: (pod) => pod.status?.phase === 'Running' });
export const workloadChoice = (): Choice<DeploymentConfig> => ({ resource: deploymentConfigs, title: t('Choose a deployment config'), show: (config) => presentWorkload(config, t) });
export const routeChoice = (session: Session): Choice<Route> => ({ resource: routes, title: t('Choose a route'), show: (route) => presentRoute(route, session.routerPorts, t) });
export const buildChoice = (): Choice<Build> => ({ resource: builds, title: t('Choose a build'), show: (build) => presentBuild(build, t) });
export const activeBuildChoice = (): Choice<Build> => ({ ...buildChoice(), filter: isActive });
export const buildConfigChoice = (): Choice<BuildConfig> => ({ resource: buildConfigs, title: t('Choose a build config'), show: () => ({ icon: 'tools' }) });
