/** Names that pods know and that mean something to the platform itself. */

/** This machine, as pods call it: its loopback, through the egress proxy or the ports relayed below. */
export const hostName = 'host.slipway.internal';
/** Target of a CONNECT that speaks DNS over TCP (RFC 1035 4.2.2) and is answered with this machine's own resolvers. */
export const dnsRelayName = 'dns.slipway.internal';
/** Ports of this machine's loopback that pods reach at `host.slipway.internal` without a proxy: databases and brokers that developers run locally. */
export const relayedHostPorts = [1433, 1521, 2181, 3000, 3306, 4222, 5000, 5432, 5672, 6379, 8000, 8080, 8081, 9000, 9092, 9200, 11211, 27017] as const;
