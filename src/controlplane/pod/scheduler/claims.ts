/** Whether the volumes of a pod let it be placed, and what its claims wait for. */
import { storageClasses, type StorageClass } from '../../../api/kinds/cluster.ts';
import { persistentVolumeClaims, persistentVolumes, type PersistentVolume, type PersistentVolumeClaim, type Pod } from '../../../api/kinds/core.ts';
import { nodeTerm, type NodeTerm } from '../../../api/node-rules.ts';
import type { InformerFactory } from '../../kernel/reconcile/informer-factory.ts';

export const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node';

export type ClaimState =
  /** Every claim is bound, or there is none. `terms`: where the volumes are reachable, one list a volume. */
  | { ready: true; terms: NodeTerm[][] }
  /** Bound only once a node is chosen: `claims` are to be told of it. */
  | { ready: false; wait: PersistentVolumeClaim[] }
  | { ready: false; message: string };

export interface ClaimView {
  stateOf(pod: Pod): ClaimState;
}

/** Names of the claims a pod uses. */
export function claimNames(pod: Pod): string[] {
  return (pod.spec.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim) return [volume.persistentVolumeClaim.claimName];
    return volume.ephemeral ? [`${pod.metadata.name}-${volume.name}`] : [];
  });
}

export function claimView(informers: InformerFactory, podsUsing: (namespace: string, claim: string) => Pod[]): ClaimView {
  const claims = informers.for(persistentVolumeClaims);
  const volumes = informers.for(persistentVolumes);
  const classes = informers.for(storageClasses);
  return {
    stateOf(pod) {
      const names = claimNames(pod);
      if (names.length === 0) return { ready: true, terms: [] };
      const namespace = pod.metadata.namespace ?? '';
      const wait: PersistentVolumeClaim[] = [];
      const terms: NodeTerm[][] = [];
      for (const name of names) {
        const claim = claims.get(`${namespace}/${name}`);
        if (!claim) return { ready: false, message: `persistentvolumeclaim "${name}" not found` };
        if (claim.metadata.deletionTimestamp) return { ready: false, message: `persistentvolumeclaim "${name}" is being deleted` };
        if (claim.status?.phase === 'Lost') return { ready: false, message: `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec.volumeName}"` };
        if (claim.spec.accessModes?.includes('ReadWriteOncePod') && podsUsing(namespace, name).some((other) => other.metadata.uid !== pod.metadata.uid && other.spec.nodeName)) {
          return { ready: false, message: 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode' };
        }
        if (claim.status?.phase === 'Bound') {
          const where = volumeTerms(volumes.get(claim.spec.volumeName ?? ''));
          if (where.length > 0) terms.push(where);
        } else if (waits(classes.get(claim.spec.storageClassName ?? ''))) wait.push(claim);
        else return { ready: false, message: 'pod has unbound immediate PersistentVolumeClaims' };
      }
      return wait.length > 0 ? { ready: false, wait } : { ready: true, terms };
    },
  };
}

function waits(storageClass: StorageClass | undefined): boolean {
  return storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
}

function volumeTerms(volume: PersistentVolume | undefined): NodeTerm[] {
  return (volume?.spec.nodeAffinity?.required?.nodeSelectorTerms ?? []).map((term) => nodeTerm(term));
}
