/** `serviceaccounts/token`: a token for a limited time, bound to a pod, a secret or a node. */
import { nodes, pods, secrets, serviceAccounts } from '../../../api/kinds/core.ts';
import { toTime, type KubeObject } from '../../../api/meta.ts';
import type { Resource } from '../../../api/resource.ts';
import { badRequest, conflict, invalid, invalidValue, notFound } from '../../../api/status.ts';
import type { RequestContext, Subresource } from '../../kernel/apiserver/kind.ts';
import type { LateClient } from '../../kernel/boot/late-client.ts';
import { tokenIssuer, type BoundTo, type TokenAuthority } from './token-authority.ts';

interface TokenRequest extends KubeObject {
  spec?: { audiences?: string[]; expirationSeconds?: number; boundObjectRef?: { kind?: string; apiVersion?: string; name?: string; uid?: string } };
}

const shortest = 600;
const longest = 2 ** 32;
const usual = 3600;
const boundKinds: Record<string, { of: Resource; key: 'pod' | 'secret' | 'node' }> = { Pod: { of: pods, key: 'pod' }, Secret: { of: secrets, key: 'secret' }, Node: { of: nodes, key: 'node' } };

export function tokenSubresource(late: LateClient, tokens: TokenAuthority): Subresource {
  return {
    type: 'action',
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    async run(context, body) {
      const { spec = {} } = (body ?? {}) as TokenRequest;
      const { namespace = '', name = '' } = context;
      const seconds = spec.expirationSeconds ?? usual;
      if (seconds < shortest) throw invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', [invalidValue('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes')]);
      if (seconds > longest) throw invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', [invalidValue('spec.expirationSeconds', seconds, 'may not specify a duration larger than 2^32 seconds')]);
      const account = await late.get().get(serviceAccounts, { namespace, name });
      const boundTo = spec.boundObjectRef && (await bind(late, context, spec.boundObjectRef));
      const audiences = spec.audiences?.length ? spec.audiences : [tokenIssuer];
      const { token, expires } = await tokens.issue({ namespace, account: { name, uid: account.metadata.uid ?? '' }, audiences, seconds, ...(boundTo && { boundTo }) });
      return {
        apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: { name, namespace, creationTimestamp: toTime(context.now) },
        spec: { audiences, expirationSeconds: seconds, boundObjectRef: spec.boundObjectRef ?? null }, status: { token, expirationTimestamp: toTime(expires ?? context.now) },
      } as KubeObject;
    },
  };
}

async function bind(late: LateClient, { namespace, name: account }: RequestContext, reference: NonNullable<NonNullable<TokenRequest['spec']>['boundObjectRef']>): Promise<BoundTo> {
  const kind = boundKinds[reference.kind ?? ''];
  if (!kind || reference.apiVersion !== 'v1') throw badRequest(`cannot bind token to object of kind ${reference.apiVersion ?? ''}, Kind=${reference.kind ?? ''}`);
  const { name = '' } = reference;
  const object = await late.get().get(kind.of, { name, ...(kind.of.namespaced && { namespace }) });
  const { uid } = object.metadata;
  if (!uid) throw notFound(kind.of, name);
  if (reference.uid && reference.uid !== uid) throw conflict(kind.of, name, `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`);
  const owner = (object as KubeObject & { spec?: { serviceAccountName?: string } }).spec?.serviceAccountName || 'default';
  if (kind.key === 'pod' && owner !== account) throw badRequest(`cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`);
  return { [kind.key]: { name, uid } } as BoundTo;
}
