/** `GET /v2/<repository>/tags/list`, `GET /v2/<repository>/referrers/<digest>` and `GET /v2/_catalog`. */
import { isDigestLike, isDigest } from '../../../oci/digest.ts';
import type { Descriptor } from '../../../oci/manifest.ts';
import { mediaTypes } from '../../../oci/media-types.ts';
import { send, unsupported, type Exchange, type Handler, type Parts } from './exchange.ts';
import { RegistryFailure } from './failure.ts';
import { formatRepository } from './repository.ts';

/** Entries of a page of the catalogue, and bytes of a page of referrers (a response larger than a manifest may be is not read by clients). */
const catalogPage = 1000;
const referrersBytes = 2 * 2 ** 20;

export const serveTags: Handler = async ({ request, response, repository, query }, parts) => {
  if (request.method !== 'GET') return unsupported();
  await parts.access.require(request, 'pull', repository);
  const name = formatRepository(repository);
  const all = await parts.streams.tags(repository);
  if (!all && !(await parts.links.hasRepository(repository))) throw new RegistryFailure(404, 'NAME_UNKNOWN', `there is no image stream ${name}`);
  const { page, next } = pageOf(all ?? [], query);
  send(response, 200, { 'content-type': 'application/json', ...(next !== undefined && { link: nextLink(`/v2/${name}/tags/list`, next) }) }, JSON.stringify({ name, tags: page }));
};

/** Every repository, for those who may list image streams everywhere (as OpenShift's registry asks). */
export async function serveCatalog({ request, response, query }: Pick<Exchange, 'request' | 'response' | 'query'>, parts: Parts): Promise<void> {
  if (request.method !== 'GET') return unsupported();
  const user = await parts.access.identify(request);
  if (!(await parts.access.may(user, { verb: 'list', resource: 'imagestreams' }))) throw new RegistryFailure(403, 'DENIED', `user "${user.username}" may not list the repositories of all projects; grant it list on imagestreams in a cluster role`);
  const { page, next } = pageOf(await parts.streams.names(), query, catalogPage);
  send(response, 200, { 'content-type': 'application/json', ...(next !== undefined && { link: nextLink('/v2/_catalog', next) }) }, JSON.stringify({ repositories: page }));
}

function pageOf(all: string[], query: URLSearchParams, most?: number): { page: string[]; next?: URLSearchParams } {
  const last = query.get('last');
  const n = query.get('n');
  if (n !== null && !/^\d{1,9}$/.test(n)) throw new RegistryFailure(400, 'UNSUPPORTED', `n=${n} is not a number of entries`);
  const after = all.sort().filter((entry) => last === null || entry > last);
  const size = n === null ? most : Math.min(Number(n), most ?? Infinity);
  const page = size === undefined ? after : after.slice(0, size);
  const more = page.length > 0 && page.length < after.length;
  return { page, ...(more && { next: new URLSearchParams({ n: String(size), last: page.at(-1) ?? '' }) }) };
}

function nextLink(path: string, query: URLSearchParams): string {
  return `<${path}?${query.toString()}>; rel="next"`;
}

export const serveReferrers: Handler = async ({ request, response, repository, query, reference }, parts) => {
  if (request.method !== 'GET') return unsupported();
  await parts.access.require(request, 'pull', repository);
  if (!isDigestLike(reference)) throw new RegistryFailure(400, 'DIGEST_INVALID', `${JSON.stringify(reference)} is not a digest`);
  const all = isDigest(reference) ? await parts.links.referrers(repository, reference) : [];
  const type = query.get('artifactType');
  const manifests = type === null ? all : all.filter(({ artifactType }) => artifactType === type);
  const { page, next } = pageOfReferrers(manifests, query.get('last'));
  const more = new URLSearchParams({ ...(type !== null && { artifactType: type }), last: next ?? '' });
  const headers = {
    'content-type': mediaTypes.index,
    ...(type !== null && { 'oci-filters-applied': 'artifactType' }),
    ...(next !== undefined && { link: nextLink(`/v2/${formatRepository(repository)}/referrers/${reference}`, more) }),
  };
  send(response, 200, headers, JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: page }));
};

/** As many as fit, at least one; `next` is the digest to go on after. */
function pageOfReferrers(all: readonly Descriptor[], last: string | null): { page: Descriptor[]; next?: string } {
  const page: Descriptor[] = [];
  let bytes = 0;
  for (const one of all) {
    if (last !== null && one.digest <= last) continue;
    bytes += JSON.stringify(one).length;
    const previous = page.at(-1);
    if (previous && bytes > referrersBytes) return { page, next: previous.digest };
    page.push(one);
  }
  return { page };
}
