/**
 * Weights of endpoints from weights of services: the service's weight is shared by its endpoints, scaled so that the largest share is 256, at least 1 (openshift/router, calculateServiceWeights).
 * With one active service every endpoint weighs the same. A service of weight 0 gets nothing.
 */
export function endpointWeights(backends: readonly { weight: number; endpoints: readonly unknown[] }[]): number[] {
  const active = backends.filter((backend) => backend.weight > 0 && backend.endpoints.length > 0);
  if (active.length === 1) return backends.map((backend) => (backend === active[0] ? 1 : 0));
  const shares = backends.map(({ weight, endpoints }) => (weight > 0 && endpoints.length > 0 ? weight / endpoints.length : 0));
  const largest = Math.max(...shares, 0);
  return shares.map((share) => (share === 0 ? 0 : Math.max(1, Math.floor((share / largest) * 256))));
}
