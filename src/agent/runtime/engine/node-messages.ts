/** What a node's agent and its helper inside the engine say to each other over their link. */
import type { ServiceEntry } from '../../network/service-table.ts';

/** First message of the agent. */
export interface NodeSetting {
  kind: 'setting';
  /** `172.30.0.1:443`: lead back to the control plane. */
  apiService: string;
  registryService: string;
  clusterDns: string;
  clusterDomain: string;
  /** What `host.slipway.internal` stands for: an address of the node. */
  hostAddress: string;
}

/** Services by `namespace/name`; what is not named stays. */
export interface ServicesChanged {
  kind: 'services';
  changed: ServiceEntry[];
  removed: string[];
}

/** Ports of this machine's loopback; answers `host-wanted`. */
export interface HostPorts {
  kind: 'host-ports';
  ports: number[];
}

export type ToHelper = NodeSetting | ServicesChanged | HostPorts;

/** `ready`: the helper listens on every address it was told. `host-wanted`: a pod asks for this machine's name. */
export type ToAgent = { kind: 'ready' } | { kind: 'failed'; why: string } | { kind: 'host-wanted' };

/** Streams the agent opens: a connection to a pod. */
export interface DialPod {
  ip: string;
  port: number;
}

/** Streams the helper opens: a connection to the control plane, or to this machine's loopback. */
export interface DialPlatform {
  to: 'api' | 'registry';
}

export interface DialHost {
  to: 'host';
  port: number;
}

export const helperProgram = 'engine-node.js';
