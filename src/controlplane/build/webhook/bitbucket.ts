/**
 * Webhooks of Bitbucket Cloud (`repo:push`: support.atlassian.com, event payloads) and of Bitbucket Server and Data Center (`repo:refs_changed`:
 * confluence.atlassian.com/bitbucketserver, event payload).
 */
import type { JsonObject } from '../../../api/json.ts';
import { badRequest } from '../../../api/status.ts';
import { branchMatches, listOf, noCommits, objectOf, otherBranch, readEvent, revisionOf, textOf, type HookOutcome, type HookReader, type HookTarget } from './event.ts';

export const bitbucket: HookReader = (target, request) => {
  const { event, payload } = readEvent(request, ['X-Event-Key']);
  switch (event) {
    case 'repo:push':
      return cloud(target, payload);
    case 'repo:refs_changed':
      return server(target, payload);
    case 'diagnostics:ping':
      return { build: false, text: 'pong' };
    default:
      throw badRequest(`Unknown Bitbucket X-Event-Key ${event}`);
  }
};

/** One push may move several branches; commits are the newest first. */
function cloud({ config }: HookTarget, payload: JsonObject): HookOutcome {
  const changes = listOf(objectOf(payload.push).changes);
  if (changes.length === 0) throw badRequest('Unable to extract valid event from payload: it has no changes');
  const main = textOf(objectOf(objectOf(payload.repository).mainbranch).name);
  // `old` is null for a new branch, `new` for one that is gone.
  const nameOf = (change: JsonObject) => textOf(objectOf(change.new).name) ?? textOf(objectOf(change.old).name) ?? '';
  const isTag = (change: JsonObject) => objectOf(change.new ?? change.old).type === 'tag';
  const change = changes.find((one) => !isTag(one) && branchMatches(nameOf(one), config, main));
  if (!change) return otherBranch(nameOf(changes[0] ?? {}));
  const { hash, author, message } = objectOf(objectOf(change.new).target ?? listOf(change.commits)[0]);
  const first = listOf(change.commits)[0];
  const commit = textOf(hash) ?? textOf(first?.hash);
  if (!commit || change.closed === true) return noCommits(nameOf(change));
  const user = authorOf(author ?? first?.author);
  return { build: true, revision: revisionOf({ commit, author: user, committer: user, message: textOf(message) ?? textOf(first?.message) }) };
}

/** `Ada <ada@example.org>` of the commit itself, or the name of the account. */
function authorOf(value: unknown) {
  const { raw, user, username, display_name: display } = objectOf(value);
  const written = /^(.*?)\s*<([^>]*)>$/.exec(textOf(raw) ?? '');
  const name = written?.[1] ?? textOf(username) ?? textOf(display) ?? textOf(objectOf(user).nickname) ?? textOf(objectOf(user).display_name);
  const email = written?.[2];
  return name || email ? { ...(name && { name }), ...(email && { email }) } : undefined;
}

function server({ config }: HookTarget, payload: JsonObject): HookOutcome {
  const changes = listOf(payload.changes);
  if (changes.length === 0) throw badRequest('Unable to extract valid event from payload: it has no changes');
  const nameOf = (change: JsonObject) => textOf(objectOf(change.ref).displayId) ?? textOf(change.refId) ?? '';
  const change = changes.find((one) => objectOf(one.ref).type !== 'TAG' && branchMatches(nameOf(one), config));
  if (!change) return otherBranch(nameOf(changes[0] ?? {}));
  const commit = textOf(change.toHash);
  if (!commit || change.type === 'DELETE') return noCommits(nameOf(change));
  return { build: true, revision: revisionOf({ commit, message: undefined }) };
}
