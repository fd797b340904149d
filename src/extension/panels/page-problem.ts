/** Why a page shows nothing, or what may be untrue, and what helps: pure. */
import { isStatusError } from '../../api/status.ts';
import type { PageProblem } from '../../protocol/page-problem.ts';
import type { Session } from '../connections/session.ts';
import type { Translate } from '../explorer/node.ts';
import { failureText, whyUnreachable } from '../failure-text.ts';

export interface Obstacle {
  text: string;
  /** What helps. */
  fix?: { title: string; command: string };
}

/** What keeps a page of `cluster` from its objects. */
export function connectionObstacle({ state, cluster: now, choice, failure }: Pick<Session, 'state' | 'cluster' | 'choice' | 'failure'>, cluster: string, t: Translate): Obstacle | undefined {
  if (now !== cluster) return { text: t('This page belongs to cluster "{0}", and the window works with "{1}".', cluster, now), fix: { title: t('Switch Cluster…'), command: 'slipway.cluster.switch' } };
  switch (state) {
    case 'connected':
      return undefined;
    case 'connecting':
      return { text: t('Connecting to "{0}"', cluster) };
    case 'failed':
      if (isStatusError(failure, 'Unauthorized')) return { text: t('The login to "{0}" has expired', cluster), fix: { title: t('Log In Again'), command: 'slipway.cluster.login' } };
      return { text: t('Cluster "{0}" cannot be reached: {1}', cluster, whyUnreachable(failure)), fix: { title: t('Connect Again'), command: 'slipway.cluster.reconnect' } };
    case 'idle':
      return { text: t('Slipway is not connected'), fix: choice.type === 'embedded' ? { title: t('Start Slipway'), command: 'slipway.platform.start' } : { title: t('Connect Again'), command: 'slipway.cluster.reconnect' } };
  }
}

/** What went wrong with the first of these lists that something went wrong with. */
export function listObstacle(lists: readonly { problem: Error | undefined }[], t: Translate): Obstacle | undefined {
  const failed = lists.find(({ problem }) => problem)?.problem;
  return failed && { text: failureText(failed, t) };
}

/** As the page is told. */
export function problemOf(obstacle: Obstacle | undefined): { problem?: PageProblem } {
  return obstacle ? { problem: { text: obstacle.text, ...(obstacle.fix && { fix: obstacle.fix.title }) } } : {};
}
