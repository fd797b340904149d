import { hasRolloutAction, type RolloutAction, type RolloutTarget } from '../../../client/rollout/target.ts';
import type { Session } from '../../connections/session.ts';
import { workloadChoices, type Choice } from '../choices.ts';
import { foundFor } from '../target.ts';

/** The workload of the row or argument, or one that is chosen among those that know the action. */
export async function rolloutTargetFor(session: Session, asked: unknown, action?: RolloutAction, filter?: Choice['filter']): Promise<RolloutTarget> {
  const choices = workloadChoices().filter(({ resource }) => !action || hasRolloutAction(resource, action)).map((choice) => ({ ...choice, ...(filter && { filter }) }));
  const { of, object } = await foundFor(session, asked, choices);
  return { of, namespace: object.metadata.namespace ?? session.project, name: object.metadata.name };
}
