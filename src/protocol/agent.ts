/**
 * What the API server asks of a node agent, over the agent's unix socket (HTTP/1.1). The kubelet's API in small.
 *
 *   GET     /healthz
 *   GET     /logs/<namespace>/<pod>/<container>?follow=&previous=&tailLines=&sinceSeconds=&sinceTime=&timestamps=&limitBytes=   → text
 *   GET     /stats/summary                                                                                                    → StatsSummary (stats.ts)
 *   GET     /metrics/resource                                                                                                 → Prometheus text
 *   UPGRADE /exec/<namespace>/<pod>/<container>?command=…&tty=&stdin=        `Upgrade: slipway-stream`                          → frames
 *   UPGRADE /attach/<namespace>/<pod>/<container>?tty=&stdin=                                                                  → frames
 *   UPGRADE /portforward/<namespace>/<pod>?port=                                                                               → raw bytes of one connection
 *
 * A refusal is an HTTP error whose body is a `Status`.
 * A frame: one byte channel, four bytes big-endian length, payload of at most `maxFrame` bytes.
 */
export const agentUpgrade = 'slipway-stream';
export const maxFrame = 64 * 1024;

export const channel = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  /** JSON `{ "code": n }` or `{ "error": "…" }`; the last frame of a session. */
  exit: 3,
  /** JSON `{ "width": n, "height": n }`. */
  resize: 4,
  /** No payload: the client's stdin has ended. */
  stdinEnd: 5,
} as const;

/** Annotation of a node that names its agent's socket. */
export const agentSocketAnnotation = 'slipway.dev/agent-socket';
/** Annotation of a pod on a `process` node: JSON, container port to port of this machine. Endpoints follow it. */
export const portMapAnnotation = 'slipway.dev/port-map';

/** The ports of a pod by those that its containers name; undefined where both are the same. */
export function portMapOf({ metadata: { annotations } }: { metadata: { annotations?: Record<string, string> | undefined } }): Record<string, number> | undefined {
  const text = annotations?.[portMapAnnotation];
  if (!text) return undefined;
  try {
    return JSON.parse(text) as Record<string, number>;
  } catch {
    return {};
  }
}

/** Label of nodes and pods: which driver runs them. */
export const runtimeLabel = 'slipway.dev/runtime';

export interface EngineChoice {
  /** As `detect/engine-address.ts` found it. */
  address: { url: string; source: string; socketPath?: string; tcp?: { host: string; port: number; tls?: string } };
  /** Mark of the home on everything that is made there. */
  home: string;
  /** Unix socket that a node serves where this machine's network does not lead to its pods: a line `<ip> <port>`, answered by a line `ok`, then that connection. Not there where it does. */
  dialSocket: string;
  /** Never dial pods directly. */
  relay?: boolean;
  /** Image for the platform's own programs, instead of this machine's. */
  toolsImage?: string;
}

/** How the control plane starts an agent: one JSON document in this environment variable. */
export const agentConfigVariable = 'SLIPWAY_AGENT';
/** Names the part that a process of the control plane plays: it is found by it after a crash. What an agent starts does not inherit it. */
export const partVariable = 'SLIPWAY_PART';
export interface AgentConfig {
  nodeName: string;
  runtime: 'sandbox' | 'process' | 'engine';
  /** Of the runtime `engine`. */
  engine?: EngineChoice;
  /** `<home>/nodes/<name>`. */
  directory: string;
  /** Where this agent serves the protocol above. */
  socket: string;
  /** Unix sockets of the control plane; TLS runs through `api` and `registry` unchanged. */
  apiSocket: string;
  registrySocket: string;
  /** HTTP proxy (CONNECT and absolute-form) to the outside; see agent/network/egress. */
  egressSocket: string;
  /** PEM. */
  caCertificate: string;
  token: string;
  network: {
    /** e.g. `10.128.0.0/23`; the first address is the node's bridge. */
    podCidr: string;
    serviceCidr: string;
    clusterDns: string;
    clusterDomain: string;
    /** The node's own address on the machine's bridge. */
    nodeIp: string;
    /** ClusterIP:port that lead to the sockets above. */
    apiService: string;
    registryService: string;
    /** ClusterIP:port of the egress proxy as pods see it; empty where pods have real egress. */
    egressProxy: string;
    /** `relay`: service addresses are relayed even where the kernel could translate them. */
    proxy?: 'relay';
    /** Where pods with real egress reach this machine on any port; absent where only the proxy and the relayed ports do. */
    hostAddress?: string | undefined;
  };
  /** Folder of the product's own bundles (`agent.js`, `shim.js`, `tools.js`) and the Node binary to run them with. */
  bundles: string;
  nodeBinary: string;
}

/** Where a port of this machine leads: to a service, `namespace/name`, whose port may have an empty name; to who tells whether it has endpoints; or to one address. */
export type PublishedTo = { service: string; portName: string } | { healthOf: string } | { ip: string; port: number };

/** A port of this machine that leads to pods. Its listening socket comes with the message. */
export interface PublishedPort {
  /** `TCP 127.0.0.1:30080`. */
  key: string;
  protocol: 'TCP' | 'UDP';
  host: string;
  port: number;
  to: PublishedTo;
  /** Whose connections are taken; everybody's if absent. */
  sourceRanges?: string[];
}

/** Over the channel that node:child_process keeps with its children. */
export type ToAgent = { type: 'publish'; port: PublishedPort } | { type: 'withdraw'; key: string };
export interface FromAgent {
  /** Sockets may be sent. */
  type: 'ready';
}
