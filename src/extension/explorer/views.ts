/** The views of the activity bar. */
import * as vscode from 'vscode';
import type { Endpoints, Pod } from '../../api/kinds/core.ts';
import type { BuildConfig } from '../../api/kinds/build.ts';
import { forwardsSource } from './forwards-source.ts';
import { imageChildren, imageStreamNode } from './image-nodes.ts';
import { buildConfigNode, buildNode, containerNodes, ingressNode, podNode, routeNode, serviceNode } from './object-nodes.ts';
import { ObjectTree } from './object-tree.ts';
import { inTrouble } from './presenters/pod.ts';
import { isActive } from './presenters/build.ts';
import { buildsOf, isRunner, newestFirst } from './project-content.ts';
import { projectSource } from './project-source.ts';
import { projectsSource } from './projects-source.ts';
import type { ViewParts } from './view-parts.ts';

const sorted = <T extends { metadata: { name: string } }>(objects: readonly T[]) => [...objects].sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));

export function createViews(parts: ViewParts): vscode.Disposable {
  const { session, images, rebuild, forwards } = parts;
  return vscode.Disposable.from(
    new ObjectTree('slipway.projects', projectsSource(parts)),
    new ObjectTree('slipway.pods', projectSource(session, {
      parts: ['pods'],
      // What serves comes first, what built and deployed it after.
      roots: ({ pods }) => [...sorted(pods.filter((pod) => !isRunner(pod))), ...sorted(pods.filter(isRunner))].map((pod) => podNode(session, pod)),
      children: (node) => containerNodes(session, node.object as Pod),
      badge: ({ pods }) => badge(pods.filter((pod) => !isRunner(pod) && inTrouble(pod, new Date())).length, (count) => vscode.l10n.t('Pods in trouble: {0}', count)),
    }), { canSelectMany: true }),
    new ObjectTree('slipway.services', projectSource(session, {
      parts: ['services', 'endpoints'],
      roots: ({ services, endpoints }) => sorted(services).map((service) => serviceNode(session, service, endpointsOf(endpoints, service.metadata.name))),
    })),
    new ObjectTree('slipway.routes', projectSource(session, {
      parts: ['routes'],
      roots: ({ routes }) => sorted(routes).map((route) => routeNode(session, route)),
    })),
    new ObjectTree('slipway.ingresses', projectSource(session, {
      parts: ['ingresses'],
      roots: ({ ingresses }) => sorted(ingresses).map((ingress) => ingressNode(session, ingress)),
    })),
    new ObjectTree('slipway.builds', projectSource(session, {
      parts: ['builds', 'buildConfigs'],
      also: rebuild.onDidChange,
      roots: ({ builds, buildConfigs }) => {
        const single = builds.filter((build) => !buildConfigs.some((config) => buildsOf(config, [build]).length)).sort(newestFirst);
        return [...sorted(buildConfigs).map((config) => ({ ...buildConfigNode(session, config, buildsOf(config, builds)[0], rebuild.has(config)), expand: 'expanded' as const })), ...single.map((build) => buildNode(session, build))];
      },
      children: (node, { builds }) => buildsOf(node.object as BuildConfig, builds).map((build) => buildNode(session, build)),
      badge: ({ builds }) => badge(builds.filter(isActive).length, (count) => vscode.l10n.t('Running builds: {0}', count)),
    }), { canSelectMany: true }),
    new ObjectTree('slipway.images', projectSource(session, {
      parts: ['imageStreams'],
      roots: ({ imageStreams }) => sorted(imageStreams).map((stream) => imageStreamNode(session, stream)),
      children: (node, { imageStreams }) => {
        const stream = imageStreams.find(({ metadata }) => metadata.uid === node.object?.metadata.uid);
        return stream ? imageChildren(node, stream, images) : [];
      },
    })),
    new ObjectTree('slipway.portForwards', forwardsSource(forwards)),
  );
}

function endpointsOf(all: readonly Endpoints[], name: string): Endpoints | undefined {
  return all.find((one) => one.metadata.name === name);
}

function badge(value: number, tooltip: (count: number) => string): vscode.ViewBadge | undefined {
  return value > 0 ? { value, tooltip: tooltip(value) } : undefined;
}
