import { serviceAccounts, type ServiceAccount } from '../../api/kinds/core.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import type { StoredKind } from '../kernel/apiserver/kind.ts';
import type { LateClient } from '../kernel/boot/late-client.ts';
import type { TokenAuthority } from './token/token-authority.ts';
import { tokenSubresource } from './token/token-request.ts';

export function serviceAccountKind(late: LateClient, tokens: TokenAuthority): StoredKind<ServiceAccount> {
  return {
    type: 'stored',
    resource: serviceAccounts,
    generation: false,
    columns: [nameColumn, ageColumn],
    subresources: { token: tokenSubresource(late, tokens) },
    prepareUpdate(account, old) {
      // Clients that do not know these fields must not take an account's credentials away (the real server's rule for `secrets`).
      account.secrets ??= old.secrets ?? [];
      if (account.secrets.length === 0) delete account.secrets;
    },
  };
}
