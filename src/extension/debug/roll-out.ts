/** Rolls a workload out so that its programs can be debugged, and waits for a pod of it. */
import * as vscode from 'vscode';
import { pods, type Pod } from '../../api/kinds/core.ts';
import type { DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import { isPodReady } from '../../api/pod.ts';
import type { RolloutTarget } from '../../client/rollout/target.ts';
import type { Session } from '../connections/session.ts';
import { ownerOf, type Owner } from '../explorer/owner.ts';
import { selects } from '../explorer/project-content.ts';
import { debugRollout, isDebugPod, type DebugMeans } from './debug-rollout.ts';

export interface DebugRun {
  pod: Pod;
  container: string;
  /** The script that is meant: a pod that has just started may not have come to it yet. */
  script?: string;
  /** Takes back what was rolled out for debugging. */
  undo?: { name: string; run(): Promise<unknown> };
}

/** A template that was changed, on its way to a pod. */
export interface DebugRollOut {
  undo: NonNullable<DebugRun['undo']>;
  /** Resolves to the pod that can be debugged, once it is ready. */
  pod(signal: AbortSignal): Promise<Pod>;
}

/** Resolves as soon as the template is changed: from then on there is something to take back, whatever comes of it. */
export async function rollOutForDebug(session: Session, { pod, container }: DebugRun, means: DebugMeans): Promise<DebugRollOut> {
  const owner = await ownerOf(session, pod);
  const { name } = pod.metadata;
  if (!owner) throw new Error(vscode.l10n.t('Nothing deploys pod "{0}", so it cannot be rolled out anew.', name));
  const { workload, of } = owner;
  const rollout = debugRollout(means, workload.spec.template ?? {}, container);
  if (!rollout) throw new Error(vscode.l10n.t('The template of "{0}" cannot be changed for debugging: the variable that does it comes from a config map or a secret, or the container is not in it.', workload.metadata.name));
  await change(session, owner, rollout.patch);
  return {
    undo: { name: workload.metadata.name, run: () => change(session, { of, workload }, rollout.undo) },
    pod: (signal) => untilPod(session, owner, (one) => isDebugPod(means, one, container), signal),
  };
}

async function change({ client }: Session, { of, workload }: Owner, patch: object): Promise<void> {
  const target: RolloutTarget = { of, namespace: workload.metadata.namespace ?? '', name: workload.metadata.name };
  await client.patch(of, target, 'strategic', patch);
  const byItself = of.kind !== 'DeploymentConfig' || (workload as DeploymentConfig).spec.triggers?.some(({ type }) => type === 'ConfigChange');
  if (byItself) return;
  const { latest } = await import('../../client/rollout/start.ts');
  await latest(client, target, { again: true });
}

async function untilPod(session: Session, { workload }: Owner, fits: (pod: Pod) => boolean, signal: AbortSignal): Promise<Pod> {
  const lease = session.watch(pods, workload.metadata.namespace);
  try {
    return await new Promise<Pod>((resolve, reject) => {
      const stop = () => reject(signal.reason as Error);
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      const listening = lease.informer.onChange(({ type, object }) => {
        if (type === 'deleted' || object.metadata.deletionTimestamp || !selects(workload, object) || !fits(object) || !isPodReady(object)) return;
        signal.removeEventListener('abort', stop);
        queueMicrotask(() => void listening.dispose());
        resolve(object);
      });
    });
  } finally {
    lease.dispose();
  }
}
