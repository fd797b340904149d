/** Names and addresses of the nodes that one machine plays. */
import { podNetwork } from '../../api/well-known.ts';

/** Port of the way out on its cluster address. */
export const egressPort = 3128;

export function nodeName(index: number): string {
  return `node-${index}`;
}

/** A /23 of the pod network for each node: 510 pods. Node 1 gets the first. */
export function podCidrOf(index: number): string {
  const [base = ''] = podNetwork.split('/');
  const [a = 0, b = 0] = base.split('.').map(Number);
  const offset = (index - 1) * 2;
  return `${a}.${b + (offset >> 8)}.${offset & 255}.0/23`;
}
