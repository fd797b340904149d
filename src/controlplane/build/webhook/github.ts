/** Webhooks of GitHub, and of Gogs and Gitea, which speak like it (docs.github.com/webhooks: ping, push). */
import { badRequest } from '../../../api/status.ts';
import { branchMatches, noCommits, objectOf, otherBranch, readEvent, revisionOf, textOf, userOf, type HookReader } from './event.ts';

export const github: HookReader = ({ config }, request) => {
  const { event, payload } = readEvent(request, ['X-GitHub-Event', 'X-Gogs-Event']);
  if (event === 'ping') return { build: false, text: 'pong' };
  if (event !== 'push') throw badRequest(`Unknown X-GitHub-Event or X-Gogs-Event ${event}`);
  const ref = textOf(payload.ref) ?? '';
  if (!branchMatches(ref, config, textOf(objectOf(payload.repository).default_branch))) return otherBranch(ref);
  if (payload.deleted === true) return noCommits(ref);
  const { id, author, committer, message } = objectOf(payload.head_commit ?? lastOf(payload.commits, payload.after));
  return { build: true, revision: revisionOf({ commit: textOf(id) ?? textOf(payload.after), author: userOf(author), committer: userOf(committer), message: textOf(message) }) };
};

/** Gogs names no head commit: it is the one the branch now ends with. */
function lastOf(commits: unknown, after: unknown): unknown {
  return Array.isArray(commits) ? commits.find((one) => objectOf(one).id === after) : undefined;
}
