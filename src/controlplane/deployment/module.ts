// Reads deployments, replica sets, deployment configs, replication controllers, stateful sets, daemon sets, jobs, cron jobs, pods, nodes, image streams.
// Writes replica sets, replication controllers, controller revisions, claims of stateful sets, jobs, pods, images in deployment configs and deployments, statuses of all of them, events.
import { Readable } from 'node:stream';
import type { KubeObject } from '../../api/meta.ts';
import { serviceUnavailable } from '../../api/status.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import { kind, type Kind, type Subresource } from '../kernel/apiserver/kind.ts';
import { deploymentConfigRollbacks } from '../../api/kinds/deployment-config.ts';
import type { Module } from '../kernel/boot/module.ts';
import { daemonSetKind } from './daemon-set/daemon-set.ts';
import { startDaemonSetController } from './daemon-set/daemon-set-controller.ts';
import { startDeployerController } from './deployer-controller.ts';
import { deploymentConfigKind, type ConfigSubresources } from './deployment-config.ts';
import { startDeploymentConfigController } from './deployment-config-controller.ts';
import { instantiate, podForLog, rollback, rollbackTo, type DeploymentRequest, type RollbackRequest } from './deployment-config-requests.ts';
import { controllerRevisionKind } from './controller-revision.ts';
import { deploymentKind } from './deployment.ts';
import { startDeploymentController } from './deployment-controller.ts';
import { startImageTriggerController } from './image-trigger-controller.ts';
import { cronJobKind } from './job/cron-job.ts';
import { startCronJobController } from './job/cron-job-controller.ts';
import { jobKind } from './job/job.ts';
import { startJobController } from './job/job-controller.ts';
import { replicaSetKind, replicaSetRules } from './replica-set.ts';
import { startReplicasController } from './replicas-controller.ts';
import { replicationControllerKind, replicationControllerRules } from './replication-controller.ts';
import { statefulSetKind } from './stateful-set/stateful-set.ts';
import { startStatefulSetController } from './stateful-set/stateful-set-controller.ts';
import type { PodTemplateRules } from './workload.ts';

export interface DeploymentDependencies {
  clock: Clock;
  /** Defaults and rules of pods, for the templates they are made from. */
  podTemplate: PodTemplateRules;
  /** The log of a pod's container as `pods/log` gives it; `query` is that of the request. */
  podLog(pod: { namespace: string; name: string; container: string }, query: URLSearchParams, signal: AbortSignal): Promise<Readable>;
}

export function deploymentModule(dependencies: DeploymentDependencies): Module {
  let client: Client | undefined;
  const started = (): Client => {
    if (!client) throw serviceUnavailable('the deployment controllers are starting, please try again');
    return client;
  };
  return {
    name: 'deployment',
    dependsOn: ['project'],
    kinds: [
      replicationControllerKind(dependencies.podTemplate),
      replicaSetKind(dependencies.podTemplate),
      deploymentKind(dependencies.podTemplate),
      statefulSetKind(dependencies.podTemplate),
      daemonSetKind(dependencies.podTemplate),
      controllerRevisionKind(),
      jobKind(dependencies.podTemplate),
      cronJobKind(dependencies.podTemplate),
      deploymentConfigKind(dependencies.podTemplate, subresources(dependencies, started)),
      rollbackRequestKind(started),
    ],
    async start(context) {
      client = context.client;
      await Promise.all([
        startReplicasController(replicationControllerRules, context),
        startReplicasController(replicaSetRules, context),
        startDeploymentController(context),
        startStatefulSetController(context),
        startDaemonSetController(context),
        startJobController(context),
        startCronJobController(context),
        startDeploymentConfigController(context),
        startDeployerController(context),
        startImageTriggerController(context),
      ]);
    },
  };
}

/** Create only: the older form of `deploymentconfigs/rollback`. */
function rollbackRequestKind(client: () => Client): Kind {
  return kind<RollbackRequest>({
    type: 'virtual',
    resource: deploymentConfigRollbacks,
    create: ({ namespace = '' }, request) => rollbackTo(client(), namespace, request),
  });
}

function subresources({ clock, podLog }: DeploymentDependencies, client: () => Client): ConfigSubresources {
  const apiVersion = 'apps.openshift.io/v1';
  const log: Subresource = {
    type: 'text',
    kind: 'DeploymentLog',
    async run({ namespace = '', name = '', query, signal }) {
      const pod = await podForLog(client(), namespace, name, query, signal);
      if (!pod) return Readable.from([]);
      const container = query.get('container') || pod.spec.containers[0]?.name || '';
      const passed = new URLSearchParams(query);
      // Here it meant the version before.
      passed.delete('previous');
      return podLog({ namespace, name: pod.metadata.name, container }, passed, signal);
    },
  };
  return {
    instantiate: {
      type: 'action',
      kind: 'DeploymentRequest',
      apiVersion,
      run: async ({ namespace = '', name = '' }, body) => (await instantiate(client(), clock, namespace, name, (body ?? {}) as DeploymentRequest)) as KubeObject,
    },
    rollback: {
      type: 'action',
      kind: 'DeploymentConfigRollback',
      apiVersion,
      run: ({ namespace = '', name = '' }, body) => rollback(client(), namespace, name, (body ?? {}) as RollbackRequest),
    },
    log,
  };
}
