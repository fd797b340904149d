/** What a rollout cannot be asked for now: the text says why and what to do instead. */
import { named, type RolloutAction, type RolloutTarget } from './target.ts';

export type RefusalReason = 'NotSupported' | 'Paused' | 'NotPaused' | 'NoHistory' | 'NoRevision' | 'InProgress' | 'NotFailed' | 'NotRolledOut' | 'SameTemplate';

export class RolloutRefusal extends Error {
  readonly reason: RefusalReason;
  constructor(reason: RefusalReason, message: string) {
    super(message);
    this.name = 'RolloutRefusal';
    this.reason = reason;
  }
}

export const notSupported = ({ of }: RolloutTarget, action: RolloutAction) => new RolloutRefusal('NotSupported', `${of.plural} have no "rollout ${action}".`);
export const isPaused = (target: RolloutTarget, action: string) => new RolloutRefusal('Paused', `${named(target)} is paused: resume it first, then ${action}.`);
export const alreadyPaused = (target: RolloutTarget) => new RolloutRefusal('Paused', `${named(target)} is already paused.`);
export const notPaused = (target: RolloutTarget) => new RolloutRefusal('NotPaused', `${named(target)} is not paused.`);
export const noHistory = (target: RolloutTarget) => new RolloutRefusal('NoHistory', `${named(target)} has no earlier revision to go back to.`);
export const noRevision = (target: RolloutTarget, revision: number, known: readonly number[]) =>
  new RolloutRefusal('NoRevision', `${named(target)} has no revision ${revision}${known.length > 0 ? `; there are ${known.join(', ')}` : ''}.`);
export const sameTemplate = (target: RolloutTarget, revision: number) => new RolloutRefusal('SameTemplate', `${named(target)} has the template of revision ${revision} already.`);
export const inProgress = (target: RolloutTarget, revision: number, phase: string) =>
  new RolloutRefusal('InProgress', `Rollout #${revision} of ${named(target)} is already in progress (${phase}). Cancel it, or wait for its end.`);
export const notRolledOut = (target: RolloutTarget) => new RolloutRefusal('NotRolledOut', `${named(target)} was never rolled out. Start the first rollout with "rollout latest".`);
export const notFailed = (target: RolloutTarget, revision: number, phase: string) =>
  new RolloutRefusal('NotFailed', `Rollout #${revision} of ${named(target)} is ${phase.toLowerCase()}; only failed ones can be retried. ${phase === 'Complete' ? 'Start a new one with "rollout latest".' : 'Cancel it first.'}`);
