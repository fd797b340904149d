/** A node as the scheduler sees it: what it has, minus what is already promised. */
import type { Node, Pod } from '../../../api/kinds/core.ts';
import type { Taint } from '../../../api/node-rules.ts';
import { isTerminal } from '../../../api/pod.ts';
import { milliOf, quantityOf } from '../../../api/quantity.ts';
import { demandOf, type PodDemand } from './pod-demand.ts';

export class NodeInfo {
  readonly name: string;
  labels: Readonly<Record<string, string>> = {};
  taints: readonly Taint[] = [];
  preferred: readonly Taint[] = [];
  unschedulable = false;
  milliCpu = 0;
  memory = 0;
  mostPods = 0;
  usedMilliCpu = 0;
  usedMemory = 0;
  #others: Readonly<Record<string, string | number>> = {};
  readonly #usedOthers = new Map<string, number>();
  /** Host ports that are taken, and how often: a place may be kept while another still holds the port. */
  readonly ports = new Map<string, number>();
  /** Pods a group has here. */
  readonly groups = new Map<string, number>();
  readonly pods = new Map<string, PodDemand>();

  constructor(node: Node) {
    this.name = node.metadata.name;
    this.update(node);
  }

  update({ metadata, spec, status }: Node): void {
    this.labels = metadata.labels ?? {};
    const taints = spec?.taints ?? [];
    this.taints = taints.filter(({ effect }) => effect !== 'PreferNoSchedule');
    this.preferred = taints.filter(({ effect }) => effect === 'PreferNoSchedule');
    this.unschedulable = spec?.unschedulable === true;
    const has = status?.allocatable ?? status?.capacity ?? {};
    this.milliCpu = milliOf(has['cpu']);
    this.memory = quantityOf(has['memory']);
    this.mostPods = quantityOf(has['pods']);
    this.#others = has as Record<string, string | number>;
  }

  /** What is left of a resource beyond CPU and memory. Disk is unbounded where the node does not say how much it has. */
  roomFor(resource: string): number {
    const has = this.#others[resource];
    if (has === undefined) return resource === 'ephemeral-storage' ? Infinity : 0;
    return quantityOf(has) - (this.#usedOthers.get(resource) ?? 0);
  }

  add(demand: PodDemand): void {
    const uid = demand.pod.metadata.uid ?? '';
    if (this.pods.has(uid)) return;
    this.pods.set(uid, demand);
    this.usedMilliCpu += demand.milliCpu;
    this.usedMemory += demand.memory;
    for (const [name, amount] of demand.others) this.#usedOthers.set(name, (this.#usedOthers.get(name) ?? 0) + amount);
    for (const port of demand.hostPorts) this.ports.set(port, (this.ports.get(port) ?? 0) + 1);
    if (demand.group) this.groups.set(demand.group, (this.groups.get(demand.group) ?? 0) + 1);
  }

  remove(uid: string): boolean {
    const demand = this.pods.get(uid);
    if (!demand) return false;
    this.pods.delete(uid);
    this.usedMilliCpu -= demand.milliCpu;
    this.usedMemory -= demand.memory;
    for (const [name, amount] of demand.others) this.#usedOthers.set(name, (this.#usedOthers.get(name) ?? 0) - amount);
    for (const port of demand.hostPorts) {
      const count = (this.ports.get(port) ?? 1) - 1;
      if (count > 0) this.ports.set(port, count);
      else this.ports.delete(port);
    }
    if (demand.group) this.groups.set(demand.group, (this.groups.get(demand.group) ?? 1) - 1);
    return true;
  }
}

/** All nodes with all pods that hold room on them, bound or about to be. */
export class Cluster {
  readonly nodes = new Map<string, NodeInfo>();
  #list: NodeInfo[] | undefined;
  /** Node of each pod that holds room. */
  readonly #placed = new Map<string, string>();
  /** Pods of nodes that are not known yet. */
  readonly #early = new Map<string, Map<string, PodDemand>>();
  /** Pods anywhere that refuse certain others; without them half of the affinity work is skipped. */
  withAntiAffinity = 0;
  /** Pods anywhere that like or shun others. */
  withPreferences = 0;
  /** Labels of namespaces. */
  readonly namespaces = new Map<string, Readonly<Record<string, string>>>();
  /** Pods that others gave way for, and the node that is kept for each: by uid. */
  readonly nominated = new Map<string, { demand: PodDemand; node: string }>();

  /** The nodes as an array, which is walked once a pod. */
  list(): readonly NodeInfo[] {
    return (this.#list ??= [...this.nodes.values()]);
  }

  /** While `run` looks, the places of pods for which others gave way are taken, for everybody who is not more important. */
  withNominated<T>(demand: PodDemand, run: () => T): T {
    const kept: [NodeInfo, string][] = [];
    for (const [uid, { demand: other, node: name }] of this.nominated) {
      const node = this.nodes.get(name);
      if (!node || uid === demand.pod.metadata.uid || other.priority < demand.priority || node.pods.has(uid)) continue;
      node.add(other);
      kept.push([node, uid]);
    }
    try {
      return run();
    } finally {
      for (const [node, uid] of kept) node.remove(uid);
    }
  }

  /** The same pods and rules on some of the nodes. */
  only(holds: (node: NodeInfo) => boolean): Cluster {
    const some = new Cluster();
    some.withAntiAffinity = this.withAntiAffinity;
    some.withPreferences = this.withPreferences;
    for (const [name, labels] of this.namespaces) some.namespaces.set(name, labels);
    for (const [uid, one] of this.nominated) some.nominated.set(uid, one);
    for (const [name, node] of this.nodes) if (holds(node)) some.nodes.set(name, node);
    return some;
  }

  putNode(node: Node): void {
    const known = this.nodes.get(node.metadata.name);
    if (known) return known.update(node);
    const info = new NodeInfo(node);
    this.nodes.set(info.name, info);
    this.#list = undefined;
    for (const demand of this.#early.get(info.name)?.values() ?? []) info.add(demand);
    this.#early.delete(info.name);
  }

  removeNode(name: string): void {
    const info = this.nodes.get(name);
    if (!info) return;
    this.nodes.delete(name);
    this.#list = undefined;
    if (info.pods.size > 0) this.#early.set(name, new Map(info.pods));
  }

  /** A pod that is on a node; finished ones hold no room. */
  putPod(pod: Pod): void {
    const { uid = '' } = pod.metadata;
    const { nodeName } = pod.spec;
    if (!nodeName || isTerminal(pod)) return this.removePod(uid);
    if (this.#placed.get(uid) === nodeName) return;
    this.place(demandOf(pod), nodeName);
  }

  place(demand: PodDemand, node: string): void {
    const uid = demand.pod.metadata.uid ?? '';
    this.removePod(uid);
    this.#placed.set(uid, node);
    this.nominated.delete(uid);
    if (demand.antiAffinity.length > 0) this.withAntiAffinity++;
    if (demand.preferredPods.length > 0) this.withPreferences++;
    const info = this.nodes.get(node);
    if (info) info.add(demand);
    else this.#early.set(node, (this.#early.get(node) ?? new Map<string, PodDemand>()).set(uid, demand));
  }

  removePod(uid: string): void {
    this.nominated.delete(uid);
    const node = this.#placed.get(uid);
    if (node === undefined) return;
    this.#placed.delete(uid);
    const demand = this.nodes.get(node)?.pods.get(uid) ?? this.#early.get(node)?.get(uid);
    if (demand && demand.antiAffinity.length > 0) this.withAntiAffinity--;
    if (demand && demand.preferredPods.length > 0) this.withPreferences--;
    if (!this.nodes.get(node)?.remove(uid)) this.#early.get(node)?.delete(uid);
  }
}
