// Reads ServiceAccounts, Secrets' names, Leases and what owns pods; owns Pods (with log, exec, attach, portforward, binding, eviction), Nodes, PersistentVolumes, PersistentVolumeClaims, StorageClasses, PodDisruptionBudgets, PriorityClasses.
// Writes pod bindings and conditions, node taints and conditions, claims and volumes, and Events of pods, nodes and claims.
import { storageClasses, type StorageClass } from '../../api/kinds/cluster.ts';
import { isStatusError } from '../../api/status.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import type { Module, ModuleContext } from '../kernel/boot/module.ts';
import type { Store } from '../kernel/store/store.ts';
import { disruptionController } from './disruption/disruption-controller.ts';
import { podDisruptionBudgetKind } from './disruption/pod-disruption-budget.ts';
import { staleTargetController } from './disruption/stale-target-controller.ts';
import { mirrorPods, type MirrorPods } from './mirror-pods.ts';
import { nodeKind } from './node-kind.ts';
import { nodeLifecycleController } from './node-lifecycle-controller.ts';
import { podGcController } from './pod-gc-controller.ts';
import { podKind } from './pod-kind.ts';
import { ensureSystemClasses, priorityClassKind } from './priority/priority-class.ts';
import { schedulerController } from './scheduler/scheduler-controller.ts';
import { LocalFolders } from './volumes/local-folders.ts';
import { localProvisioner, volumeController } from './volumes/volume-controller.ts';
import { defaultClassAnnotation, persistentVolumeClaimKind, persistentVolumeKind, storageClassKind } from './volumes/volume-kinds.ts';

export interface PodModuleDependencies {
  /** Admission and bindings read and write it directly, in one step where the API has two. */
  store: Store;
  clock: Clock;
  log: Log;
  /** `<home>/volumes`. */
  volumesFolder: string;
}

export interface PodModule extends Module {
  /** Shows parts of the platform as pods of project `default`; usable once the module has started. */
  readonly mirrors: MirrorPods;
}

export function podModule({ store, clock, log, volumesFolder }: PodModuleDependencies): PodModule {
  let client: Client | undefined;
  const mirrors = mirrorPods(clock, log.child('mirror-pods'), () => client);
  return {
    name: 'pod',
    dependsOn: ['project'],
    kinds: [podKind({ store, clock, mirrors, client: () => client }), nodeKind(), persistentVolumeKind(), persistentVolumeClaimKind(store), storageClassKind(), podDisruptionBudgetKind(), priorityClassKind(store)],
    mirrors,
    async start(context: ModuleContext) {
      client = context.client;
      context.scope.own(mirrors);
      await Promise.all([ensureLocalClass(context.client), ensureSystemClasses(context.client)]);
      volumeController(context, new LocalFolders(volumesFolder));
      nodeLifecycleController(context);
      podGcController(context);
      schedulerController(context);
      disruptionController(context);
      staleTargetController(context);
    },
  };
}

async function ensureLocalClass(client: Client): Promise<void> {
  const local: StorageClass = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'local', annotations: { [defaultClassAnnotation]: 'true', 'kubernetes.io/description': 'Folders of this machine. Sizes are shown, not enforced.' } },
    provisioner: localProvisioner,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
  };
  await client.create(storageClasses, local).catch((error: unknown) => {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  });
}
