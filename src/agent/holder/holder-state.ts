/** What a control plane leaves on disk so that the next one finds the holder again. */
import type { ProcessIdentity } from '../runtime/procfs.ts';

export interface HolderState {
  version: 1;
  /** Two boots give the same pids and ticks. */
  bootId: string;
  /** pid 1 of the holder's pid namespace, as this machine sees it. */
  init: ProcessIdentity;
  /** Programs that run outside for the holder, e.g. slirp4netns. */
  helpers: ProcessIdentity[];
  egress: EgressMode;
  nodes: NodeRecord[];
}

/** How traffic leaves the machine: a real interface in the holder, or only the HTTP relay on a socket. */
export type EgressMode = { mode: 'slirp4netns' | 'pasta'; /** This machine's loopback as seen through it. */ hostAddress?: string } | { mode: 'relay'; why: string };

export interface NodeRecord {
  /** 1 for `node-1`. */
  index: number;
  podCidr: string;
  /** File that pins its network namespace, in the holder's mount namespace. */
  netns: string;
  /** Its address on the machine's bridge. */
  ip: string;
}
