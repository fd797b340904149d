import type { KubeObject, ListMeta } from '../../../../api/meta.ts';
import { badRequest, expired, methodNotAllowed } from '../../../../api/status.ts';
import { Expired, type Entry, type Page } from '../../store/store.ts';
import type { Answer } from '../answer.ts';
import type { Call } from '../call.ts';
import type { Core } from '../core.ts';
import { filterOf, type Filter } from '../filter.ts';
import { storeKey } from '../kind-table.ts';
import { checkListOptions, checkNotTooNew, continueToken, readToken } from './list-options.ts';

/** How many entries are looked at in one go when a selector picks few. */
const stride = 500;

export async function list(core: Core, call: Call): Promise<Answer> {
  const { served, query } = call;
  checkListOptions(query);
  const filter = filterOf(served, query.get('labelSelector'), query.get('fieldSelector'));
  if (served.kind.type === 'virtual') {
    if (!served.kind.list) throw methodNotAllowed();
    const found = await served.kind.list(call);
    const { test } = filter;
    return { type: 'list', served, list: test ? { ...found, items: found.items.filter((item: KubeObject) => test(item)) } : found };
  }
  const { entries, metadata } = readPage(core, call, filter);
  return { type: 'page', served, entries, metadata };
}

function readPage(core: Core, call: Call, filter: Filter): { entries: readonly Entry[]; metadata: ListMeta } {
  const { served, query } = call;
  const prefix = call.namespace ? storeKey(served, call.namespace, '') : served.prefix;
  const token = query.get('continue');
  const limit = limitOf(query.get('limit'));
  const version = query.get('resourceVersion') ?? '';
  let at: number | undefined;
  let after: string | undefined;
  if (token) {
    if (version && version !== '0') throw badRequest('specifying resource version is not allowed when using continue');
    const read = readToken(token);
    at = read.revision;
    after = prefix + read.start;
  } else if (version && version !== '0') {
    const asked = checkNotTooNew(core.store, version);
    if (query.get('resourceVersionMatch') === 'Exact') at = asked;
  }
  // Reading the present by its number is reading the present.
  if (at === core.store.revision) at = undefined;

  if (filter.name !== undefined && at === undefined && after === undefined && (call.namespace || !served.resource.namespaced)) {
    const entry = core.store.get(storeKey(served, call.namespace, filter.name));
    const hit = entry && (!filter.test || filter.test(entry.object)) ? [entry] : [];
    return { entries: hit, metadata: { resourceVersion: String(core.store.revision) } };
  }

  try {
    const page = filter.test ? readFiltered(core, prefix, filter.test, limit, after, at) : core.store.list(prefix, { ...(limit > 0 && { limit }), ...(after && { after }), ...(at !== undefined && { at }) });
    const metadata: ListMeta = { resourceVersion: String(page.revision) };
    if (page.next) {
      metadata.continue = continueToken(page.revision, page.next.slice(prefix.length));
      if (page.remaining !== undefined && !filter.test) metadata.remainingItemCount = page.remaining;
    }
    return { entries: page.entries, metadata };
  } catch (error) {
    if (!(error instanceof Expired)) throw error;
    throw expired(
      token
        ? 'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.'
        : 'The resourceVersion for the provided list is too old.',
    );
  }
}

/** Pages of matching entries: reads on until `limit` of them are found. */
function readFiltered(core: Core, prefix: string, test: (object: KubeObject) => boolean, limit: number, after: string | undefined, at: number | undefined): Page {
  if (limit === 0) {
    const page = core.store.list(prefix, { ...(after && { after }), ...(at !== undefined && { at }) });
    return { entries: page.entries.filter((entry) => test(entry.object)), revision: page.revision };
  }
  const entries: Entry[] = [];
  let from = after;
  let revision = at;
  for (;;) {
    const page = core.store.list(prefix, { limit: stride, ...(from && { after: from }), ...(revision !== undefined && { at: revision }) });
    // The pages after the first show the same moment; nothing is written in between, since this never waits.
    revision ??= page.revision === core.store.revision ? undefined : page.revision;
    for (const [index, entry] of page.entries.entries()) {
      if (!test(entry.object)) continue;
      entries.push(entry);
      if (entries.length < limit) continue;
      const more = index < page.entries.length - 1 || page.next !== undefined;
      return { entries, revision: page.revision, ...(more && { next: entry.key }) };
    }
    if (!page.next) return { entries, revision: page.revision };
    from = page.next;
  }
}

function limitOf(text: string | null): number {
  if (!text) return 0;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 0) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return limit;
}
