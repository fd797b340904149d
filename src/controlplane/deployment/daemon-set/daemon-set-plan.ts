/** One pod a node: which are made, replaced, ended next (kubernetes pkg/controller/daemon). Pure. */
import { revisionHashLabel, type DaemonSet } from '../../../api/kinds/apps.ts';
import type { Node, Pod } from '../../../api/kinds/core.ts';
import { isPodReady, isTerminal } from '../../../api/pod.ts';
import { resolveIntOrPercent } from '../int-or-percent.ts';
import { isAvailable } from '../replicas-plan.ts';
import { daemonDemand, nodeOf, placement } from './daemon-pod.ts';

export interface DaemonSetInput {
  set: DaemonSet;
  /** Of the present template. */
  hash: string;
  nodes: readonly Node[];
  /** Those of the set. */
  pods: readonly Pod[];
  /** Milliseconds until a pod that failed on the node may be replaced. */
  backoffMs(node: string): number;
  now: Date;
}

export interface DaemonSetPlan {
  /** Nodes that get a pod. */
  create: string[];
  remove: Pod[];
  /** Nodes whose failed pod is among `remove`: the next failure there waits longer. */
  failed: string[];
  events: { type: 'Normal' | 'Warning'; reason: string; message: string }[];
  status: NonNullable<DaemonSet['status']>;
  afterMs?: number;
}

export function planDaemonSet(input: DaemonSetInput): DaemonSetPlan {
  const look = new Look(input);
  const plan: DaemonSetPlan = { create: [], remove: [], failed: [], events: [], status: look.status() };
  const waits = look.waits();
  if (!input.set.metadata.deletionTimestamp) {
    look.manage(plan, waits);
    if (plan.create.length + plan.remove.length === 0 && input.set.spec.updateStrategy?.type === 'RollingUpdate') look.roll(plan);
  }
  if (waits.length > 0) plan.afterMs = Math.max(0, Math.min(...waits));
  return plan;
}

const leaving = (pod: Pod) => pod.metadata.deletionTimestamp !== undefined;
const created = (pod: Pod) => Date.parse(pod.metadata.creationTimestamp ?? '') || 0;
/** The oldest first; of equals, the one that is placed. */
const byAge = (one: Pod, other: Pod) => created(one) - created(other) || Number(!one.spec.nodeName) - Number(!other.spec.nodeName) || (one.metadata.name < other.metadata.name ? -1 : 1);

class Look {
  readonly #input: DaemonSetInput;
  readonly #minReady: number;
  /** In order of name. */
  readonly #nodes: { name: string; run: boolean; stay: boolean; pods: Pod[] }[];
  /** Meant for nodes that are gone. */
  readonly #lost: Pod[];

  constructor(input: DaemonSetInput) {
    this.#input = input;
    this.#minReady = input.set.spec.minReadySeconds ?? 0;
    const byNode = new Map<string, Pod[]>();
    for (const pod of input.pods) {
      if (isTerminal(pod) && leaving(pod)) continue;
      const node = nodeOf(pod);
      if (node !== undefined) byNode.set(node, [...(byNode.get(node) ?? []), pod]);
    }
    const demand = daemonDemand(input.set);
    this.#nodes = [...input.nodes]
      .sort((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1))
      .map((node) => ({ name: node.metadata.name, ...placement(demand, node), pods: (byNode.get(node.metadata.name) ?? []).sort(byAge) }));
    const known = new Set(this.#nodes.map(({ name }) => name));
    this.#lost = input.pods.filter((pod) => !leaving(pod) && !pod.spec.nodeName && !known.has(nodeOf(pod) ?? ''));
  }

  /** What each node lacks or has too much of. */
  manage(plan: DaemonSetPlan, waits: number[]): void {
    for (const { name, run, stay, pods } of this.#nodes) {
      if (run && pods.length === 0) plan.create.push(name);
      else if (!stay) plan.remove.push(...pods.filter((pod) => !leaving(pod)));
      else this.#tidy(name, pods, plan, waits);
    }
    plan.remove.push(...this.#lost);
    for (const pod of plan.remove) {
      const { namespace, name } = pod.metadata;
      if (pod.status?.phase === 'Failed') plan.events.push({ type: 'Warning', reason: 'FailedDaemonPod', message: `Found failed daemon pod ${namespace}/${name} on node ${nodeOf(pod)}, will try to kill it` });
      else if (pod.status?.phase === 'Succeeded') plan.events.push({ type: 'Normal', reason: 'SucceededDaemonPod', message: `Found succeeded daemon pod ${namespace}/${name} on node ${nodeOf(pod)}, will try to delete it` });
    }
  }

  /** Pods that ended go, then those beyond one; while surging one old and one new may be there together. */
  #tidy(node: string, pods: readonly Pod[], plan: DaemonSetPlan, waits: number[]): void {
    const running: Pod[] = [];
    for (const pod of pods) {
      if (leaving(pod)) continue;
      if (pod.status?.phase === 'Failed') {
        const wait = this.#input.backoffMs(node);
        if (wait > 0) waits.push(wait);
        else {
          plan.failed.push(node);
          plan.remove.push(pod);
        }
      } else if (pod.status?.phase === 'Succeeded') plan.remove.push(pod);
      else running.push(pod);
    }
    if (running.length <= 1) return;
    if (this.#bounds().surge === 0) return void plan.remove.push(...running.slice(1));
    const [fresh, ...moreFresh] = running.filter((pod) => this.#isNew(pod));
    const [old, ...moreOld] = running.filter((pod) => !this.#isNew(pod));
    plan.remove.push(...moreFresh, ...moreOld);
    if (fresh && old && (!isPodReady(old) || this.#available(fresh))) plan.remove.push(old);
  }

  roll(plan: DaemonSetPlan): void {
    const { surge, unavailable } = this.#bounds();
    const nodes = this.#nodes.filter(({ run, pods }) => run || pods.length > 0).map(({ name, pods }) => ({ name, ...this.#pair(pods) }));
    if (surge > 0) this.#rollBySurge(plan, nodes, surge);
    else this.#rollByReplacement(plan, nodes, unavailable);
  }

  #rollByReplacement(plan: DaemonSetPlan, nodes: readonly NodePair[], most: number): void {
    let missing = 0;
    const free: Pod[] = [];
    const candidates: Pod[] = [];
    for (const { old, fresh, unclear } of nodes) {
      // `manage` settles what is unclear.
      if (unclear || Boolean(old) === Boolean(fresh)) missing += 1;
      else if (fresh) missing += this.#available(fresh) ? 0 : 1;
      // One that does not serve anyway is replaced at no cost.
      else if (old) (this.#available(old) ? candidates : free).push(old);
    }
    plan.remove.push(...free, ...candidates.slice(0, Math.max(0, most - missing)));
  }

  #rollBySurge(plan: DaemonSetPlan, nodes: readonly NodePair[], most: number): void {
    let surging = 0;
    const candidates: string[] = [];
    for (const { name, old, fresh, unclear } of nodes) {
      if (unclear) surging += 1;
      else if (!old) continue;
      else if (!fresh) {
        if (this.#available(old)) candidates.push(name);
        else plan.create.push(name);
      } else if (this.#available(fresh)) plan.remove.push(old);
      else surging += 1;
    }
    plan.create.push(...candidates.slice(0, Math.max(0, most - surging)));
  }

  /** The pod of the present template and the one before it. */
  #pair(pods: readonly Pod[]): Omit<NodePair, 'name'> {
    const staying = pods.filter((pod) => !leaving(pod));
    const fresh = staying.filter((pod) => this.#isNew(pod));
    const old = staying.filter((pod) => !this.#isNew(pod));
    return { fresh: fresh[0], old: old[0], unclear: fresh.length > 1 || old.length > 1 };
  }

  #isNew(pod: Pod): boolean {
    return pod.metadata.labels?.[revisionHashLabel] === this.#input.hash;
  }

  #available(pod: Pod): boolean {
    return isAvailable(pod, this.#minReady, this.#input.now);
  }

  /** Both shares are rounded up; with neither, one pod at a time may be missing. */
  #bounds(): { surge: number; unavailable: number } {
    const { type, rollingUpdate } = this.#input.set.spec.updateStrategy ?? {};
    if (type !== 'RollingUpdate') return { surge: 0, unavailable: 0 };
    const desired = this.#nodes.filter(({ run }) => run).length;
    const surge = resolveIntOrPercent(rollingUpdate?.maxSurge ?? 0, desired, 'up');
    const unavailable = resolveIntOrPercent(rollingUpdate?.maxUnavailable ?? 1, desired, 'up');
    return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
  }

  /** When pods become available by merely staying ready. */
  waits(): number[] {
    if (this.#minReady === 0) return [];
    return this.#input.pods.filter((pod) => isPodReady(pod) && !this.#available(pod)).map((pod) => Date.parse(pod.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? '') + this.#minReady * 1000 - this.#input.now.getTime());
  }

  /** Of each node its oldest pod counts. Zeros are left out as the real server does. */
  status(): NonNullable<DaemonSet['status']> {
    const { set } = this.#input;
    const desired = this.#nodes.filter(({ run }) => run);
    const first = desired.flatMap(({ pods }) => pods.slice(0, 1));
    const available = first.filter((pod) => isPodReady(pod) && this.#available(pod)).length;
    const updated = first.filter((pod) => this.#isNew(pod)).length;
    const unavailable = desired.length - available;
    return {
      currentNumberScheduled: first.length,
      numberMisscheduled: this.#nodes.filter(({ run, pods }) => !run && pods.length > 0).length,
      desiredNumberScheduled: desired.length,
      numberReady: first.filter(isPodReady).length,
      ...(set.metadata.generation !== undefined && { observedGeneration: set.metadata.generation }),
      ...(updated > 0 && { updatedNumberScheduled: updated }),
      ...(available > 0 && { numberAvailable: available }),
      ...(unavailable > 0 && { numberUnavailable: unavailable }),
      ...(set.status?.collisionCount !== undefined && { collisionCount: set.status.collisionCount }),
    };
  }
}

interface NodePair {
  name: string;
  fresh: Pod | undefined;
  old: Pod | undefined;
  /** More than one of a kind. */
  unclear: boolean;
}
