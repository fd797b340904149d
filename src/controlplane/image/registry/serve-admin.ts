/** `DELETE /admin/blobs/<digest>`: how `oc adm prune images` frees content. Here it is refused for what is still needed. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { requireDigest, send, unsupported, type Parts } from './exchange.ts';
import { RegistryFailure } from './failure.ts';
import { formatRepository } from './repository.ts';

export async function serveAdminBlob(request: IncomingMessage, response: ServerResponse, reference: string, { access, blobs, links, use }: Parts): Promise<void> {
  if (request.method !== 'DELETE') return unsupported();
  const user = await access.identify(request);
  if (!(await access.may(user, { verb: 'delete', resource: 'images' }))) throw new RegistryFailure(403, 'DENIED', `user "${user.username}" may not delete content; grant it the cluster role system:image-pruner`);
  const digest = requireDigest(reference);
  await use.exclusive(digest, async () => {
    if ((await blobs.size(digest)) === undefined) throw new RegistryFailure(404, 'BLOB_UNKNOWN', `blob ${digest} is not here`);
    if (use.leased(digest)) throw new RegistryFailure(405, 'UNSUPPORTED', `blob ${digest} is being pulled`);
    for (const repository of await links.repositories()) {
      if ((await links.renewedAt(repository, '_blobs', digest)) !== undefined || (await links.renewedAt(repository, '_manifests', digest)) !== undefined)
        throw new RegistryFailure(405, 'UNSUPPORTED', `blob ${digest} is part of ${formatRepository(repository)}; delete it there first`);
    }
    await blobs.remove(digest);
  });
  send(response, 204);
}
