/**
 * When a container that is held to its share of the processors from outside runs and when it stands, pure. As the kernel's own quota has it: what it used beyond its share is stood off,
 * only in longer periods and with looks as rare as its use allows.
 *
 *   far below its limit   a look a second
 *   near it               a look a period
 *   at it                 runs until it has used a period's share, stands until that share is earned again
 */

/** Milliseconds in which a container at its limit runs and stands once. */
const periodMs = 200;
const rareMs = 1000;
/** Nothing is asked of timers and of the kernel's counting (10 ms) below this. */
const leastMs = 10;
/** A container stands at most this long, however much it used: somebody waits for its answers. */
const longestStopMs = 1000;
/** Of the limit: below it a container counts as far from it. */
const farShare = 0.5;

export interface ThrottleState {
  /** Of the last reading, ms. */
  at: number;
  /** Milliseconds of one processor that it may still use; below 0: that it used too much. */
  balance: number;
  /** Processors it uses while it runs, smoothed while it is at its limit. */
  rate: number;
  /** It stood since it was last found far below its limit. */
  hot: boolean;
}

export interface ThrottleStep {
  state: ThrottleState;
  /** It has to stand now. */
  stop: boolean;
  /** Until the next look. */
  afterMs: number;
}

export function startOfThrottle(at: number): ThrottleState {
  return { at, balance: 0, rate: 0, hot: false };
}

/** A look at a container that runs. `used`: milliseconds of processors since the last reading; `limit`: processors. */
export function lookRunning(before: ThrottleState, now: number, used: number, limit: number): ThrottleStep {
  const elapsed = Math.max(1, now - before.at);
  const current = used / elapsed;
  const quota = limit * periodMs;
  // Who was not looked at for long is not made to pay for it: the first stop is as short as all others.
  const most = before.hot ? limit * longestStopMs : quota;
  const balance = Math.max(-most, Math.min(quota, before.balance + limit * elapsed - used));
  const rate = before.hot ? before.rate * 0.7 + current * 0.3 : current;
  if (balance <= 0 && used > 0) return { state: { at: now, balance, rate, hot: true }, stop: true, afterMs: 0 };
  const far = current < limit * farShare;
  const state = { at: now, balance, rate, hot: before.hot && !far };
  const afterMs = current > limit ? clamp(balance / (current - limit), leastMs, periodMs) : far ? (before.hot ? periodMs : rareMs) : periodMs;
  return { state, stop: false, afterMs };
}

/** It stands now; `used` came together since the look that stopped it. Answers how long it stands. */
export function lookStopped(before: ThrottleState, now: number, used: number, limit: number): ThrottleStep {
  const balance = Math.max(-limit * longestStopMs, before.balance + limit * (now - before.at) - used);
  return { state: { ...before, at: now, balance }, stop: true, afterMs: clamp(-balance / limit, leastMs, longestStopMs) };
}

/** It runs again from now on. */
export function lookResumed(before: ThrottleState, now: number, used: number, limit: number): ThrottleStep {
  const balance = Math.min(limit * periodMs, before.balance + limit * (now - before.at) - used);
  return { state: { ...before, at: now, balance }, stop: false, afterMs: clamp((limit * periodMs) / Math.max(before.rate, limit), leastMs, periodMs) };
}

const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));
