/** Webhooks of GitLab (docs.gitlab.com, webhook events: push). */
import { badRequest } from '../../../api/status.ts';
import { branchMatches, listOf, noCommits, objectOf, otherBranch, readEvent, revisionOf, textOf, userOf, type HookReader } from './event.ts';

export const gitlab: HookReader = ({ config }, request) => {
  const { event, payload } = readEvent(request, ['X-Gitlab-Event']);
  if (event !== 'Push Hook') throw badRequest(`Unknown X-Gitlab-Event ${event}`);
  const ref = textOf(payload.ref) ?? '';
  if (!branchMatches(ref, config, textOf(objectOf(payload.project).default_branch))) return otherBranch(ref);
  // Oldest first; at most twenty, which may leave the newest out.
  const commits = listOf(payload.commits);
  const head = textOf(payload.checkout_sha) ?? (commits.length > 0 ? textOf(payload.after) : undefined);
  if (head === undefined) return noCommits(ref);
  const last = commits.find(({ id }) => id === head) ?? {};
  // There is no committer beside the author.
  const author = userOf(last.author);
  return { build: true, revision: revisionOf({ commit: head, author, committer: author, message: textOf(last.message) }) };
};
