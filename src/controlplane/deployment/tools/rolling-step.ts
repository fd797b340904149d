/** Sizes of old and new controller in a rolling update. Pure. */

export interface RollingState {
  /** Sizes asked for. */
  old: number;
  new: number;
  desired: number;
  surge: number;
  minAvailable: number;
  /** New pods that serve. */
  newAvailable: number;
}

/** The new controller's next size: up to the surge, or all the way once nothing old is left. */
export function scaleUpTo(state: RollingState): number {
  if (state.new >= state.desired) return state.new;
  const room = state.old === 0 ? state.desired - state.new : state.desired + state.surge - state.old - state.new;
  return room <= 0 ? state.new : Math.min(state.desired, state.new + room);
}

/** The old controller's next size: as small as availability allows, nothing once the new one is whole. */
export function scaleDownTo(state: RollingState): number {
  if (state.old === 0) return 0;
  if (state.new === state.desired && state.newAvailable >= state.desired) return 0;
  const unavailable = state.new - state.newAvailable;
  const less = state.old + state.new - state.minAvailable - unavailable;
  return less <= 0 ? state.old : Math.max(0, state.old - less);
}
