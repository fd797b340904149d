/** Everything the trees show of one project, kept true by watches for as long as somebody looks. */
import * as vscode from 'vscode';
import { deployments, type Deployment } from '../../api/kinds/apps.ts';
import { buildConfigs, builds, type Build, type BuildConfig } from '../../api/kinds/build.ts';
import { endpoints, pods, services, type Endpoints, type Pod, type Service } from '../../api/kinds/core.ts';
import { deploymentConfigs, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import { routes, type Route } from '../../api/kinds/route.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import type { Session, SharedInformer } from '../connections/session.ts';
import type { ProjectObjects } from './project-content.ts';

const parts = { deploymentConfigs, deployments, pods, buildConfigs, builds, services, endpoints, routes } as const;
export type Part = keyof typeof parts;

interface Leases {
  deploymentConfigs?: SharedInformer<DeploymentConfig>;
  deployments?: SharedInformer<Deployment>;
  pods?: SharedInformer<Pod>;
  buildConfigs?: SharedInformer<BuildConfig>;
  builds?: SharedInformer<Build>;
  services?: SharedInformer<Service>;
  endpoints?: SharedInformer<Endpoints>;
  routes?: SharedInformer<Route>;
}

export class ProjectWatch implements vscode.Disposable {
  readonly #leases: Leases = {};
  readonly #disposables: vscode.Disposable[] = [];
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  readonly namespace: string;
  /** Resolves when every part has been listed once. */
  readonly ready: Promise<void>;
  #disposed = false;

  constructor(session: Session, namespace: string, wanted: readonly Part[]) {
    this.namespace = namespace;
    this.ready = this.#open(session, wanted);
    this.ready.catch(() => undefined);
  }

  objects(): ProjectObjects {
    const list = <T extends KubeObject>(lease: SharedInformer<T> | undefined) => lease?.informer.list() ?? [];
    const held = this.#leases;
    return {
      deploymentConfigs: list(held.deploymentConfigs), deployments: list(held.deployments), pods: list(held.pods), buildConfigs: list(held.buildConfigs),
      builds: list(held.builds), services: list(held.services), endpoints: list(held.endpoints), routes: list(held.routes),
    };
  }

  dispose(): void {
    this.#disposed = true;
    for (const one of this.#disposables.splice(0)) one.dispose();
    this.#changed.dispose();
  }

  async #open(session: Session, wanted: readonly Part[]): Promise<void> {
    await Promise.all(wanted.map(async (part) => {
      const lease = await session.watch(parts[part] as Resource<KubeObject>, this.namespace);
      if (this.#disposed) return lease.dispose();
      (this.#leases as Record<Part, SharedInformer<KubeObject>>)[part] = lease;
      const listening = lease.informer.onChange(() => this.#changed.fire());
      this.#disposables.push(lease, { dispose: () => void listening.dispose() });
      // A cluster without OpenShift's groups has no deployment configs, builds or routes: those parts stay empty.
      await Promise.race([lease.informer.synced, firstFailure(lease)]).catch(() => undefined);
    }));
  }
}

function firstFailure(lease: SharedInformer<KubeObject>): Promise<void> {
  return new Promise((resolve) => {
    const listening = lease.informer.onFailure((failure) => {
      if (!failure) return;
      void listening.dispose();
      resolve();
    });
  });
}
