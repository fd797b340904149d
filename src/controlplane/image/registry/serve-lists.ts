/** `GET /v2/<repository>/tags/list` and `GET /v2/<repository>/referrers/<digest>`. */
import { isDigestLike, isDigest } from '../../../oci/digest.ts';
import { mediaTypes } from '../../../oci/media-types.ts';
import { send, unsupported, type Handler } from './exchange.ts';
import { RegistryFailure } from './failure.ts';
import { formatRepository } from './repository.ts';

export const serveTags: Handler = async ({ request, response, repository, query }, parts) => {
  if (request.method !== 'GET') return unsupported();
  await parts.access.require(request, 'pull', repository);
  const name = formatRepository(repository);
  const all = await parts.streams.tags(repository);
  if (!all && !(await parts.links.hasRepository(repository))) throw new RegistryFailure(404, 'NAME_UNKNOWN', `there is no image stream ${name}`);
  const last = query.get('last');
  const n = query.get('n');
  if (n !== null && !/^\d{1,9}$/.test(n)) throw new RegistryFailure(400, 'UNSUPPORTED', `n=${n} is not a number of tags`);
  const after = (all ?? []).sort().filter((tag) => last === null || tag > last);
  const tags = n === null ? after : after.slice(0, Number(n));
  const more = tags.length > 0 && tags.length < after.length;
  const link = `</v2/${name}/tags/list?n=${n}&last=${encodeURIComponent(tags.at(-1) ?? '')}>; rel="next"`;
  send(response, 200, { 'content-type': 'application/json', ...(more && { link }) }, JSON.stringify({ name, tags }));
};

export const serveReferrers: Handler = async ({ request, response, repository, query, reference }, parts) => {
  if (request.method !== 'GET') return unsupported();
  await parts.access.require(request, 'pull', repository);
  if (!isDigestLike(reference)) throw new RegistryFailure(400, 'DIGEST_INVALID', `${JSON.stringify(reference)} is not a digest`);
  const all = isDigest(reference) ? await parts.links.referrers(repository, reference) : [];
  const type = query.get('artifactType');
  const manifests = type === null ? all : all.filter(({ artifactType }) => artifactType === type);
  const headers = { 'content-type': mediaTypes.index, ...(type !== null && { 'oci-filters-applied': 'artifactType' }) };
  send(response, 200, headers, JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }));
};
