/**
 * Holds a container to its share of the processors where no control group does: all of its processes are stopped for a part of each period and continued, by who owns the container,
 * so that nothing stays stopped when an agent is killed. What it decides is in throttle-plan.ts. Linux.
 */
import { signal, waiterOf, type Family } from '../runtime/family.ts';
import { isAskedToStop, processStat, type ProcessStat } from '../runtime/procfs.ts';
import { lookResumed, lookRunning, lookStopped, startOfThrottle, type ThrottleState } from './throttle-plan.ts';

/** A process that does not come to stand within this time (it waits for a disk, for example) is left running for this period, with what it started. */
const patienceMs = 50;
/** What a released container gets before it is looked at. */
const releaseMs = 200;
/** A container that starts is left alone for this long. */
const startMs = 1000;

export interface ThrottleOptions {
  family: Family;
  /** Processors. */
  limit: number;
  /** Whether programs of ours wait outside of its process namespace. */
  waiters: boolean;
}

export class CpuThrottle {
  #options: ThrottleOptions;
  #state: ThrottleState;
  /** Read last: milliseconds of all processes. */
  #total = 0;
  /** Stopped by us, by pid: start times. Outermost first. */
  readonly #held = new Map<number, string>();
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: ThrottleOptions) {
    this.#options = options;
    this.#state = startOfThrottle(performance.now());
    this.#total = sum(options.family.look());
    this.#after(startMs, () => this.#look());
  }

  changeLimit(limit: number): void {
    this.#options = { ...this.#options, limit };
  }

  /** Everything runs, so that a signal finds somebody; the limit is held again soon. */
  release(): void {
    if (this.#ended) return;
    this.#resume();
    this.#state = { ...this.#state, hot: false };
    this.#after(releaseMs, () => this.#look());
  }

  /** Everything runs, and goes on doing so. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#continue();
  }

  #look(): void {
    const processes = this.#options.family.look();
    const { state, stop, afterMs } = lookRunning(this.#state, performance.now(), this.#used(processes), this.#options.limit);
    this.#state = state;
    if (stop) this.#stop(performance.now() + patienceMs);
    else this.#after(afterMs, () => this.#look());
  }

  /** Parents before children: a shell with job control that saw its child stopped would take its terminal back, and some of those that wait outside would stop themselves. */
  #stop(until: number): void {
    const whole = this.#options.family.look(true);
    const processes = stoppable(whole);
    const members = new Map(whole.map((one) => [one.pid, one]));
    const waiters = this.#options.waiters ? processes.filter(({ parent }) => !members.has(parent)).flatMap(waiterOf) : [];
    const all = new Map([...waiters, ...processes].map((one) => [one.pid, one]));
    let waiting = false;
    for (const one of all.values()) {
      if (stands(one)) continue;
      const parent = all.get(one.parent);
      // It was told before, or may not be before its parent stands.
      waiting = true;
      if (this.#held.get(one.pid) === one.startTime || (parent && !stands(parent))) continue;
      this.#held.set(one.pid, one.startTime);
      signal(one.pid, 'SIGSTOP');
    }
    const now = performance.now();
    if (waiting && now < until) return this.#after(1, () => this.#stop(until));
    const { state, afterMs } = lookStopped(this.#state, now, this.#used(whole), this.#options.limit);
    this.#state = state;
    this.#after(afterMs, () => this.#goOn());
  }

  #goOn(): void {
    const afterMs = this.#resume();
    this.#after(afterMs, () => this.#look());
  }

  #resume(): number {
    this.#continue();
    const { state, afterMs } = lookResumed(this.#state, performance.now(), this.#used(this.#options.family.look()), this.#options.limit);
    this.#state = state;
    return afterMs;
  }

  /** Children first, and those that wait last: they never know. */
  #continue(): void {
    for (const [pid, startTime] of [...this.#held].reverse()) {
      if (processStat(pid)?.startTime !== startTime) continue;
      // To go on makes the kernel forget it.
      const asked = isAskedToStop(pid);
      signal(pid, 'SIGCONT');
      if (asked) signal(pid, 'SIGTSTP');
    }
    this.#held.clear();
  }

  /** Since the last call. A process that left takes its time with it, unless its parent has it now. */
  #used(processes: readonly ProcessStat[]): number {
    const total = sum(processes);
    const used = Math.max(0, total - this.#total);
    this.#total = total;
    return used;
  }

  #after(ms: number, run: () => void): void {
    clearTimeout(this.#timer);
    if (!this.#ended) this.#timer = setTimeout(run, ms).unref();
  }
}

/** `script` stops itself for good once it hears that its child was: what runs in a terminal of its is left alone. */
function stoppable(processes: readonly ProcessStat[]): ProcessStat[] {
  const members = new Map(processes.map((one) => [one.pid, one]));
  const spared = (one: ProcessStat | undefined): boolean => one !== undefined && (one.name === 'script' || spared(members.get(one.parent)));
  return processes.filter((one) => !spared(one));
}

const sum = (processes: readonly ProcessStat[]) => processes.reduce((total, { cpuMs }) => total + cpuMs, 0);
const stands = ({ state }: ProcessStat) => state === 'T' || state === 't' || state === 'Z' || state === 'X';
