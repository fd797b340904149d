/** Which cluster a window works with. */
export type ClusterChoice =
  /** The platform of this machine. */
  | { type: 'embedded' }
  /** A context of a kubeconfig. */
  | { type: 'context'; name: string };

export function clusterKey(choice: ClusterChoice): string {
  return choice.type === 'embedded' ? 'slipway' : choice.name;
}
