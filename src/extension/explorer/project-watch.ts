/** Everything the trees show of one project, kept true by watches for as long as somebody looks. */
import { daemonSets, deployments, statefulSets, type DaemonSet, type Deployment, type StatefulSet } from '../../api/kinds/apps.ts';
import { buildConfigs, builds, type Build, type BuildConfig } from '../../api/kinds/build.ts';
import { endpoints, pods, services, type Endpoints, type Pod, type Service } from '../../api/kinds/core.ts';
import { deploymentConfigs, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import { imageStreams, type ImageStream } from '../../api/kinds/image.ts';
import { ingresses, type Ingress } from '../../api/kinds/ingress.ts';
import { routes, type Route } from '../../api/kinds/route.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import type { Session } from '../connections/session.ts';
import { ObjectList } from './object-list.ts';
import type { ProjectObjects } from './project-content.ts';

const kinds = { deploymentConfigs, deployments, statefulSets, daemonSets, pods, buildConfigs, builds, services, endpoints, routes, ingresses, imageStreams } as const;
export type Part = keyof typeof kinds;
/** What applications consist of. */
export const applicationParts = (Object.keys(kinds) as Part[]).filter((part) => part !== 'imageStreams');

export class ProjectWatch {
  readonly namespace: string;
  /** Resolves, never rejects, when every part has been listed once or is known to be out of reach. */
  readonly ready: Promise<void>;
  readonly #lists = new Map<Part, ObjectList<KubeObject>>();

  constructor(session: Session, namespace: string, wanted: readonly Part[], changed: () => void) {
    this.namespace = namespace;
    // OpenShift makes routes of ingresses, and those are shown.
    const shown = wanted.filter((part) => part !== 'ingresses' || !session.serves(routes));
    for (const part of shown) this.#lists.set(part, new ObjectList(session, kinds[part] as unknown as Resource, namespace, changed));
    this.ready = Promise.all([...this.#lists.values()].map((list) => list.ready)).then(() => undefined);
  }

  objects(): ProjectObjects {
    const items = <T extends KubeObject>(part: Part) => (this.#lists.get(part)?.items() ?? []) as readonly T[];
    return {
      deploymentConfigs: items<DeploymentConfig>('deploymentConfigs'), deployments: items<Deployment>('deployments'), statefulSets: items<StatefulSet>('statefulSets'), daemonSets: items<DaemonSet>('daemonSets'), pods: items<Pod>('pods'), buildConfigs: items<BuildConfig>('buildConfigs'),
      builds: items<Build>('builds'), services: items<Service>('services'), endpoints: items<Endpoints>('endpoints'), routes: items<Route>('routes'), ingresses: items<Ingress>('ingresses'),
      imageStreams: items<ImageStream>('imageStreams'),
    };
  }

  /** What of the project is out of reach, each reason once. */
  problems(): Error[] {
    const found = new Map<string, Error>();
    for (const { problem } of this.#lists.values()) if (problem) found.set(problem.message, problem);
    return [...found.values()];
  }

  dispose(): void {
    for (const list of this.#lists.values()) list.dispose();
    this.#lists.clear();
  }
}
