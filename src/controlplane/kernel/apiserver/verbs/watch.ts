import { badRequest, methodNotAllowed, StatusError } from '../../../../api/status.ts';
import type { Answer } from '../answer.ts';
import type { Call } from '../call.ts';
import { filterOf } from '../filter.ts';
import { isTrue } from '../route.ts';
import { checkWatchOptions, versionNumber, versionProblem } from './list-options.ts';

/** Without `timeoutSeconds` a watch lasts half an hour to an hour, at random, so that not all clients come back at once. */
const shortest = 1800;

export function watch(call: Call): Answer {
  const { served, query } = call;
  if (!served.verbs.has('watch')) throw methodNotAllowed();
  checkWatchOptions(query);
  // A single object's path watched stands for a selector on its name.
  const fieldSelector = [query.get('fieldSelector'), call.name ? `metadata.name=${call.name}` : ''].filter(Boolean).join(',');
  const filter = filterOf(served, query.get('labelSelector'), fieldSelector);
  const version = query.get('resourceVersion') ?? '';
  const since = versionNumber(version || '0');
  if (since === undefined) throw new StatusError(500, '', versionProblem(version));
  const initialAsked = query.get('sendInitialEvents');
  const initial = isTrue(initialAsked) || (initialAsked === null && since === 0);
  return {
    type: 'watch',
    plan: {
      served,
      call,
      namespace: call.namespace,
      filter,
      since: initial ? undefined : since,
      markInitialEnd: isTrue(initialAsked),
      bookmarks: isTrue(query.get('allowWatchBookmarks')),
      milliseconds: secondsOf(query.get('timeoutSeconds')) * 1000,
    },
  };
}

function secondsOf(text: string | null): number {
  if (!text) return shortest * (1 + Math.random());
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < 0) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return seconds === 0 ? shortest * (1 + Math.random()) : seconds;
}
