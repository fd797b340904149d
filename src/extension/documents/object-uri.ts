/** Addresses of objects in the editor: `slipway:/<cluster>/<project>/<plural>.<group>/<name>.yaml`; `_` stands for no project. */
import * as vscode from 'vscode';
import { allResources } from '../../api/resources.ts';
import type { Resource } from '../../api/resource.ts';

export const yamlScheme = 'slipway';
export const describeScheme = 'slipway-describe';

export interface ObjectAddress {
  cluster: string;
  resource: Resource;
  namespace: string | undefined;
  name: string;
}

export const yamlUri = (cluster: string, resource: Resource, namespace: string | undefined, name: string) => uri(yamlScheme, 'yaml', cluster, resource, namespace, name);
export const describeUri = (cluster: string, resource: Resource, namespace: string | undefined, name: string) => uri(describeScheme, 'txt', cluster, resource, namespace, name);

function uri(scheme: string, ending: string, cluster: string, resource: Resource, namespace: string | undefined, name: string): vscode.Uri {
  const parts = [cluster, namespace ?? '_', `${resource.plural}${resource.group ? `.${resource.group}` : ''}`, `${name}.${ending}`];
  return vscode.Uri.from({ scheme, path: `/${parts.map((part) => part.replaceAll('/', '%2F')).join('/')}` });
}

export function parseObjectUri(at: vscode.Uri): ObjectAddress {
  const [cluster = '', namespace = '', type = '', file = ''] = at.path.slice(1).split('/').map((part) => part.replaceAll('%2F', '/'));
  const resource = allResources.find((one) => `${one.plural}${one.group ? `.${one.group}` : ''}` === type);
  if (!resource) throw vscode.FileSystemError.FileNotFound(at);
  return { cluster, resource, namespace: namespace === '_' ? undefined : namespace, name: file.replace(/\.(yaml|txt)$/, '') };
}
