/** How far a rollout goes that is asked to stop on its way (`openshift-deploy --until=50%`). */

/** Thrown by a rollout that got where it was asked to stop: no failure. */
export class ConditionReached extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConditionReached';
  }
}

/** Stops here if it is this condition. */
export function stopAt(until: string | undefined, condition: string, message: string): void {
  if (until === condition) throw new ConditionReached(message);
}

/** `50%` → 50; undefined for anything else. */
export function percentage(until: string | undefined): number | undefined {
  const match = /^(\d{1,3})%$/.exec(until ?? '');
  const value = Number(match?.[1]);
  return match && value <= 100 ? value : undefined;
}

export function isBetween(until: string | undefined, least: number, most: number): boolean {
  const value = percentage(until);
  return value !== undefined && value >= least && value <= most;
}
