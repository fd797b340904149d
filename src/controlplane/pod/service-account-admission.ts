/** Gives a pod its identity: the service account, its token volume and its pull secrets (Kubernetes docs, "Managing Service Accounts"). */
import { randomBytes } from 'node:crypto';
import { pods, serviceAccounts, type Pod, type ServiceAccount } from '../../api/kinds/core.ts';
import { mirrorAnnotation } from '../../api/pod.ts';
import { forbidden } from '../../api/status.ts';
import type { Clock } from '../../base/clock.ts';
import type { Watchable } from '../kernel/store/store.ts';
import { keyIn, serviceAccountNamed } from './pod-lookup.ts';

const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount';
/** A project's `default` account is made a moment after the project: so long is waited for it. */
const patienceMs = 5_000;

export async function admitServiceAccount(store: Watchable, pod: Pod, clock: Clock): Promise<void> {
  const { metadata, spec } = pod;
  if (metadata.annotations?.[mirrorAnnotation] !== undefined) return;
  const name = spec.serviceAccountName || 'default';
  const namespace = metadata.namespace ?? '';
  const account = serviceAccountNamed(store, namespace, name) ?? (name === 'default' ? await appears(store, namespace, name, clock) : undefined);
  if (!account) throw forbidden(pods, metadata.name, `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`);
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
  if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length) spec.imagePullSecrets = account.imagePullSecrets.map(({ name }) => ({ name }));
  if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod);
}

function mountToken({ spec }: Pod): void {
  const containers = [...(spec.initContainers ?? []), ...spec.containers].filter((container) => !container.volumeMounts?.some(({ mountPath }) => mountPath === tokenPath));
  if (containers.length === 0) return;
  let volume = spec.volumes?.find(({ name }) => name.startsWith('kube-api-access-'))?.name;
  if (!volume) {
    volume = `kube-api-access-${suffix()}`;
    spec.volumes = [
      ...(spec.volumes ?? []),
      {
        name: volume,
        projected: {
          defaultMode: 0o644,
          sources: [
            { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
            { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
            { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
          ],
        },
      },
    ];
  }
  for (const container of containers) container.volumeMounts = [...(container.volumeMounts ?? []), { name: volume, readOnly: true, mountPath: tokenPath }];
}

const letters = 'bcdfghjklmnpqrstvwxz2456789';
const suffix = () => [...randomBytes(5)].map((byte) => letters[byte % letters.length]).join('');

function appears(store: Watchable, namespace: string, name: string, clock: Clock): Promise<ServiceAccount | undefined> {
  return new Promise((resolve) => {
    const end = (account: ServiceAccount | undefined) => {
      void watch.dispose();
      void timer.dispose();
      resolve(account);
    };
    const timer = clock.after(patienceMs, () => end(undefined));
    const watch = store.watch(keyIn(serviceAccounts, namespace, name), undefined, (events) => {
      const made = events.find(({ type, entry }) => type === 'put' && entry.object.metadata.name === name);
      if (made) end(made.entry.object as ServiceAccount);
    });
    const now = serviceAccountNamed(store, namespace, name);
    if (now) end(now);
  });
}
