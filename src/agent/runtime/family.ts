/** All processes of one container, and who waits outside for them: for holding them to a limit from outside. Linux. */
import { allProcesses, namespaceOf, processStat, type ProcessStat, type SharedPlace } from './procfs.ts';

/** How old a list of this machine's processes may be, for containers that are looked at one after the other. */
const sharedListMs = 5;
/** What was no process of the container when it was new may have become one by executing a program. */
const reconsiderMs = 2000;

let list: { at: number; pids: number[] } | undefined;

function listed(): number[] {
  const now = performance.now();
  if (!list || now - list.at > sharedListMs) list = { at: now, pids: allProcesses() };
  return list.pids;
}

/** True for a process that belongs to the container, wherever it comes from. What its processes start belongs to it without being asked about. */
export type Recognise = (pid: number) => boolean;

export function seesPlace(place: SharedPlace): Recognise {
  return (pid) => namespaceOf(pid, 'mnt') === place.mnt && namespaceOf(pid, 'pid') === place.pid;
}

export class Family {
  readonly #recognise: Recognise;
  /** Start times by pid. */
  readonly #members = new Map<number, string>();
  readonly #strangers = new Set<number>();
  #considered = performance.now();

  constructor(first: number, recognise: Recognise) {
    this.#recognise = recognise;
    const stat = processStat(first);
    if (stat) this.#members.set(first, stat.startTime);
  }

  /** Parents before their children; zombies are in. `fresh`: the list of processes must be of now. */
  look(fresh = false): ProcessStat[] {
    if (fresh) list = undefined;
    const pids = listed();
    this.#forget(new Set(pids));
    const stats = new Map(pids.filter((pid) => !this.#strangers.has(pid)).flatMap((pid) => processStat(pid) ?? []).map((stat) => [stat.pid, stat]));
    const settled = new Map<number, boolean>();
    const found: ProcessStat[] = [];
    const belongs = (stat: ProcessStat): boolean => {
      const known = settled.get(stat.pid);
      if (known !== undefined) return known;
      // Pids start again from below, so a parent's may be the greater one; those of different moments may even make a circle.
      settled.set(stat.pid, false);
      const parent = stats.get(stat.parent);
      const ofParent = parent !== undefined && belongs(parent);
      const answer = ofParent || this.#members.get(stat.pid) === stat.startTime || this.#recognise(stat.pid);
      settled.set(stat.pid, answer);
      if (answer) found.push(stat);
      return answer;
    };
    for (const stat of stats.values()) if (!belongs(stat)) this.#strangers.add(stat.pid);
    const all = [...this.#late(found), ...found];
    this.#members.clear();
    for (const { pid, startTime } of all) this.#members.set(pid, startTime);
    return all;
  }

  /** Those who start members and entered the container after they had been taken for strangers. */
  #late(found: readonly ProcessStat[]): ProcessStat[] {
    const late: ProcessStat[] = [];
    for (const { parent } of found) {
      for (let pid: number | undefined = parent; pid !== undefined && this.#strangers.has(pid) && this.#recognise(pid); pid = late[0]?.parent) {
        const stat = processStat(pid);
        if (!stat) break;
        this.#strangers.delete(pid);
        late.unshift(stat);
      }
    }
    return late;
  }

  #forget(there: ReadonlySet<number>): void {
    const now = performance.now();
    if (now - this.#considered > reconsiderMs) {
      this.#considered = now;
      this.#strangers.clear();
    }
    for (const pid of this.#strangers) if (!there.has(pid)) this.#strangers.delete(pid);
  }
}

/** Programs that the sandbox puts right above a container or a command in it: seeing it stopped they stop themselves, or take it for ended. Above them stands nobody who minds. */
const waitingPrograms = new Set(['sh', 'nsenter']);

/** The one outside who waits for this process of a container. */
export function waiterOf({ parent }: ProcessStat): ProcessStat[] {
  const stat = parent > 1 ? processStat(parent) : undefined;
  return stat && waitingPrograms.has(stat.name) ? [stat] : [];
}

/** For a container whose watcher was killed: nobody else would continue what stands by its order. */
export function continueFamily(first: number): void {
  const place = { pid: namespaceOf(first, 'pid'), mnt: namespaceOf(first, 'mnt') };
  const own = place.pid === namespaceOf('self', 'pid');
  const { pid, mnt } = place;
  const members = new Family(first, own || pid === undefined || mnt === undefined ? () => false : seesPlace({ pid, mnt })).look(true);
  for (const member of [...members].reverse()) signal(member.pid, 'SIGCONT');
  if (!own) for (const member of members) for (const waiter of waiterOf(member)) signal(waiter.pid, 'SIGCONT');
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}
