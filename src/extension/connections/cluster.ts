/** Which cluster a window works with. */
export type ClusterChoice =
  /** The platform of this machine. */
  | { type: 'embedded' }
  /** A context of a kubeconfig. */
  | { type: 'context'; name: string };

const embedded = 'Slipway';

/** Its name in texts, addresses of documents and memories: never the same for two. */
export function clusterKey(choice: ClusterChoice): string {
  if (choice.type === 'embedded') return embedded;
  return choice.name === embedded ? `${choice.name} (kubeconfig)` : choice.name;
}
