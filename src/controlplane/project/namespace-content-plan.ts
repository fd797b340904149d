/**
 * What every project holds from its beginning, as OpenShift gives it: the accounts `default`, `builder` and `deployer`, each with credentials for the registry,
 * the bindings that let them pull, build and deploy, and the certificate authority that pods trust.
 */
import type { ConfigMap, Secret, ServiceAccount } from '../../api/kinds/core.ts';
import type { RoleBinding, Subject } from '../../api/kinds/rbac.ts';
import { equalJson } from '../../api/json.ts';
import { systemAddresses, systemProject, systemServices, clusterDomain } from '../../api/well-known.ts';
import { serviceAccountNameAnnotation, serviceAccountUidAnnotation } from './secret.ts';

export interface NamespaceContent {
  accounts: readonly ServiceAccount[];
  secrets: readonly Secret[];
  bindings: readonly RoleBinding[];
  rootCa: ConfigMap | undefined;
}

export type ContentAction =
  | { type: 'create-account'; name: string }
  | { type: 'create-binding'; binding: RoleBinding }
  | { type: 'write-root-ca'; existing: ConfigMap | undefined }
  /** A secret that lets the account log in at the registry. */
  | { type: 'create-pull-secret'; account: ServiceAccount }
  | { type: 'link-pull-secret'; account: ServiceAccount; secrets: { name: string }[]; imagePullSecrets: { name: string }[] }
  /** A token secret that somebody made by hand and that waits for its token. */
  | { type: 'fill-token'; account: ServiceAccount; secret: Secret }
  /** Credentials of an account that is gone. */
  | { type: 'delete-secret'; secret: Secret };

const defaultAccounts = ['default', 'builder', 'deployer'] as const;
export const rootCaName = 'kube-root-ca.crt';
const tokenSecretType = 'kubernetes.io/service-account-token';
export const pullSecretType = 'kubernetes.io/dockercfg';

/** Under these addresses the registry is named in image references. */
export const registryAddresses: readonly string[] = [
  `${systemServices.registry.name}.${systemProject}.svc:${systemServices.registry.port}`,
  `${systemServices.registry.name}.${systemProject}.svc.${clusterDomain}:${systemServices.registry.port}`,
  `${systemAddresses.registry}:${systemServices.registry.port}`,
];

/** Actions that bring the content nearer to what it must be; accounts come first, their credentials follow when this is asked again. */
export function planContent(namespace: string, content: NamespaceContent, caCertificate: string): ContentAction[] {
  const actions: ContentAction[] = [];
  for (const name of defaultAccounts) if (!content.accounts.some(({ metadata }) => metadata.name === name)) actions.push({ type: 'create-account', name });
  for (const binding of defaultBindings(namespace)) if (!content.bindings.some(({ metadata }) => metadata.name === binding.metadata.name)) actions.push({ type: 'create-binding', binding });
  if (content.rootCa?.data?.['ca.crt'] !== caCertificate) actions.push({ type: 'write-root-ca', existing: content.rootCa });
  for (const account of content.accounts) if (!account.metadata.deletionTimestamp) actions.push(...credentials(account, content.secrets));
  for (const secret of content.secrets) {
    const owner = secret.metadata.annotations?.[serviceAccountUidAnnotation];
    if (owner && isCredential(secret) && !content.accounts.some(({ metadata }) => metadata.uid === owner)) actions.push({ type: 'delete-secret', secret });
  }
  return actions;
}

function credentials(account: ServiceAccount, secrets: readonly Secret[]): ContentAction[] {
  const own = secrets.filter(({ metadata }) => metadata.annotations?.[serviceAccountNameAnnotation] === account.metadata.name);
  const actions: ContentAction[] = own
    .filter((secret) => secret.type === tokenSecretType && !secret.data?.token)
    .map((secret) => ({ type: 'fill-token', account, secret }));
  const pull = own.find((secret) => secret.type === pullSecretType && secret.metadata.annotations?.[serviceAccountUidAnnotation] === account.metadata.uid);
  if (!pull) return [...actions, { type: 'create-pull-secret', account }];
  const link = (references: readonly { name?: string }[] | undefined) => linked(references, pull.metadata.name, account, secrets);
  const wanted = { secrets: link(account.secrets), imagePullSecrets: link(account.imagePullSecrets) };
  const same = equalJson(wanted.secrets, account.secrets ?? []) && equalJson(wanted.imagePullSecrets, account.imagePullSecrets ?? []);
  return same ? actions : [...actions, { type: 'link-pull-secret', account, ...wanted }];
}

/** References of an account with its own credentials, and without such as are gone. */
function linked(references: readonly { name?: string }[] | undefined, name: string, { metadata }: ServiceAccount, secrets: readonly Secret[]): { name: string }[] {
  const kept = (references ?? []).filter((one): one is { name: string } => {
    const ours = one.name?.startsWith(`${metadata.name}-dockercfg-`) ?? false;
    return !ours || secrets.some((secret) => secret.metadata.name === one.name);
  });
  return kept.some((one) => one.name === name) ? kept : [...kept, { name }];
}

function isCredential(secret: Secret): boolean {
  return secret.type === tokenSecretType || secret.type === pullSecretType;
}

function defaultBindings(namespace: string): RoleBinding[] {
  const apiGroup = 'rbac.authorization.k8s.io';
  const bind = (name: string, role: string, description: string, subject: Subject): RoleBinding => ({
    apiVersion: `${apiGroup}/v1`, kind: 'RoleBinding', metadata: { name, namespace, annotations: { 'openshift.io/description': description } },
    roleRef: { apiGroup, kind: 'ClusterRole', name: role }, subjects: [subject],
  });
  const account = (name: string): Subject => ({ kind: 'ServiceAccount', name, namespace });
  const group = (name: string): Subject => ({ kind: 'Group', apiGroup, name });
  const bindings = [
    bind('system:image-pullers', 'system:image-puller', 'Allows all pods in this namespace to pull images from this namespace.  It is auto-managed by a controller; remove subjects to disable.', group(`system:serviceaccounts:${namespace}`)),
    bind('system:image-builders', 'system:image-builder', 'Allows builds in this namespace to push images to this namespace.  It is auto-managed by a controller; remove subjects to disable.', account('builder')),
    bind('system:deployers', 'system:deployer', 'Allows deploymentconfigs in this namespace to rollout pods in this namespace.  It is auto-managed by a controller; remove subjects to disable.', account('deployer')),
  ];
  // Builder images and templates are everyone's.
  if (namespace === 'openshift') bindings.push(bind('shared-resource-viewers', 'shared-resource-viewer', 'Allows everyone to use what this project offers.', group('system:authenticated')));
  return bindings;
}
