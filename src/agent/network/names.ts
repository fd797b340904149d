/** Names that pods know and that mean something to the platform itself. */

/** This machine, as pods call it: its loopback, through the egress proxy or the ports relayed below. */
export const hostName = 'host.slipway.internal';
/** Target of a CONNECT that speaks DNS over TCP (RFC 1035 4.2.2) and is answered with this machine's own resolvers. */
export const dnsRelayName = 'dns.slipway.internal';
/**
 * Ports of this machine's loopback that pods reach at `host.slipway.internal` without a proxy: databases and brokers that developers run locally.
 * None that applications serve on: a pod in the node's network could no longer listen on it.
 */
export const relayedHostPorts = [1433, 1521, 2181, 3306, 4222, 5432, 5672, 6379, 9092, 9200, 11211, 27017] as const;
