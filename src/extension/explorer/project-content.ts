/** What one project holds, grouped into applications: pure. */
import { buildLabels, type Build, type BuildConfig } from '../../api/kinds/build.ts';
import { deploymentLabels, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import type { DaemonSet, Deployment, StatefulSet } from '../../api/kinds/apps.ts';
import type { Endpoints, Pod, Service } from '../../api/kinds/core.ts';
import type { ImageStream } from '../../api/kinds/image.ts';
import type { Ingress } from '../../api/kinds/ingress.ts';
import type { Route } from '../../api/kinds/route.ts';
import type { KubeObject } from '../../api/meta.ts';
import { mirrorAnnotation } from '../../api/pod.ts';
import { systemProject, systemServices } from '../../api/well-known.ts';

/** What keeps pods running. */
export type Workload = DeploymentConfig | Deployment | StatefulSet | DaemonSet;

/** Copies of what a project's watches hold. */
export interface ProjectObjects {
  deploymentConfigs: readonly DeploymentConfig[];
  deployments: readonly Deployment[];
  statefulSets: readonly StatefulSet[];
  daemonSets: readonly DaemonSet[];
  pods: readonly Pod[];
  buildConfigs: readonly BuildConfig[];
  builds: readonly Build[];
  services: readonly Service[];
  endpoints: readonly Endpoints[];
  routes: readonly Route[];
  /** Only where there are no routes. */
  ingresses: readonly Ingress[];
  imageStreams: readonly ImageStream[];
}

export interface Application {
  name: string;
  workloads: { workload: Workload; pods: Pod[] }[];
  buildConfigs: { config: BuildConfig; /** Newest first. */ builds: Build[] }[];
  services: { service: Service; endpoints: Endpoints | undefined }[];
  routes: Route[];
  ingresses: Ingress[];
  /** Pods that no workload of the application selects. */
  pods: Pod[];
}

/** The application an object belongs to: the recommended labels of Kubernetes, then OpenShift's `app`, else its own name. */
export function applicationOf(object: KubeObject): string {
  const labels = object.metadata.labels ?? {};
  return labels['app.kubernetes.io/part-of'] ?? labels['app.kubernetes.io/instance'] ?? labels.app ?? object.metadata.name;
}

export function groupApplications(objects: ProjectObjects): Application[] {
  const found = new Map<string, Application>();
  const of = (name: string) => {
    let application = found.get(name);
    if (!application) found.set(name, (application = { name, workloads: [], buildConfigs: [], services: [], routes: [], ingresses: [], pods: [] }));
    return application;
  };
  const taken = new Set<Pod>();
  for (const workload of [...objects.deploymentConfigs, ...objects.deployments, ...objects.statefulSets, ...objects.daemonSets]) {
    const pods = objects.pods.filter((pod) => selects(workload, pod));
    for (const pod of pods) taken.add(pod);
    of(applicationOf(workload)).workloads.push({ workload, pods: byName(pods) });
  }
  for (const config of objects.buildConfigs) of(applicationOf(config)).buildConfigs.push({ config, builds: buildsOf(config, objects.builds) });
  for (const service of objects.services) {
    if (isBuiltIn(service)) continue;
    of(applicationOf(service)).services.push({ service, endpoints: objects.endpoints.find((one) => one.metadata.name === service.metadata.name) });
  }
  for (const route of objects.routes) of(applicationOf(route)).routes.push(route);
  for (const ingress of objects.ingresses) of(applicationOf(ingress)).ingresses.push(ingress);
  // Pods of builds and deployments are shown by what made them.
  for (const pod of objects.pods) if (!taken.has(pod) && !isRunner(pod) && !isSystemPod(pod)) of(applicationOf(pod)).pods.push(pod);
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
}

export function buildsOf(config: BuildConfig, builds: readonly Build[]): Build[] {
  return builds.filter((build) => build.metadata.labels?.[buildLabels.buildConfig] === config.metadata.name).sort(newestFirst);
}

export function newestFirst(a: KubeObject, b: KubeObject): number {
  return (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '') || b.metadata.name.localeCompare(a.metadata.name, undefined, { numeric: true });
}

/** A pod that builds or deploys something. */
export function isRunner(pod: Pod): boolean {
  return pod.metadata.labels?.[buildLabels.build] !== undefined || pod.metadata.labels?.[deploymentLabels.deployerPodFor] !== undefined;
}

/** The labels by which a workload knows its pods. */
export function selectorOf(workload: Workload): Record<string, string> {
  return (workload.kind === 'DeploymentConfig' ? (workload as DeploymentConfig).spec.selector : (workload as Deployment | StatefulSet | DaemonSet).spec.selector?.matchLabels) ?? {};
}

export function selects(workload: Workload, pod: Pod): boolean {
  if (isRunner(pod)) return false;
  const entries = Object.entries(selectorOf(workload));
  return entries.length > 0 && entries.every(([key, value]) => pod.metadata.labels?.[key] === value);
}

/** Services and pods of the platform itself are no applications of the user; the flat views show them. */
export function isBuiltIn(service: Service): boolean {
  return service.metadata.namespace === systemProject && Object.values(systemServices).some(({ name }) => name === service.metadata.name);
}

function isSystemPod(pod: Pod): boolean {
  return pod.metadata.annotations?.[mirrorAnnotation] !== undefined;
}

function byName<T extends KubeObject>(objects: T[]): T[] {
  return objects.sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
}
