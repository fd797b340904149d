/** Synchronous look-ups that admission and streams need, straight from the store. */
import { nodes, pods, serviceAccounts, type Node, type Pod, type ServiceAccount } from '../../api/kinds/core.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import { notFound } from '../../api/status.ts';
import { collectionPrefix } from '../kernel/apiserver/kind-table.ts';
import type { Reader } from '../kernel/store/store.ts';

export function keyIn(of: Resource, namespace: string | undefined, name: string): string {
  return `${collectionPrefix(of)}${namespace ?? ''}/${name}`;
}

function lookUp<T extends KubeObject>(store: Reader, of: Resource<T>, namespace: string | undefined, name: string): T | undefined {
  return store.get(keyIn(of, namespace, name))?.object as T | undefined;
}

export function podNamed(store: Reader, namespace: string | undefined, name: string): Pod {
  const pod = lookUp(store, pods, namespace, name);
  if (!pod) throw notFound(pods, name);
  return pod;
}

export const nodeNamed = (store: Reader, name: string): Node | undefined => lookUp(store, nodes, undefined, name);
export const serviceAccountNamed = (store: Reader, namespace: string, name: string): ServiceAccount | undefined => lookUp(store, serviceAccounts, namespace, name);
