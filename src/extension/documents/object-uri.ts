/** Addresses of objects in the editor: `slipway:/<cluster>/<project>/<plural>.<group>/<name>.yaml`; `_` stands for no project. */
import { groupResource, type Resource } from '../../api/resource.ts';
import { allResources } from '../../api/resources.ts';

/** Editable YAML. */
export const yamlScheme = 'slipway';
/** The same as the cluster has it now, to compare with. */
export const liveScheme = 'slipway-live';
export const describeScheme = 'slipway-describe';

export interface ObjectAddress {
  cluster: string;
  resource: Resource;
  namespace: string | undefined;
  name: string;
}

/** What `vscode.Uri.from` takes. */
export interface UriParts {
  scheme: string;
  path: string;
}

type Name = Pick<ObjectAddress, 'namespace' | 'name'>;

export const yamlUri = (cluster: string, resource: Resource, at: Name) => uri(yamlScheme, 'yaml', cluster, resource, at);
export const describeUri = (cluster: string, resource: Resource, at: Name) => uri(describeScheme, 'txt', cluster, resource, at);

function uri(scheme: string, ending: string, cluster: string, resource: Resource, { namespace, name }: Name): UriParts {
  const parts = [cluster, namespace ?? '_', groupResource(resource), `${name}.${ending}`];
  // Names of contexts may hold slashes.
  return { scheme, path: `/${parts.map((part) => part.replaceAll('%', '%25').replaceAll('/', '%2F')).join('/')}` };
}

/** `undefined` for an address of nothing we know. */
export function parseObjectUri({ path }: Pick<UriParts, 'path'>): ObjectAddress | undefined {
  const [cluster = '', namespace = '', type = '', file = '', ...more] = path.slice(1).split('/').map((part) => part.replaceAll('%2F', '/').replaceAll('%25', '%'));
  const resource = allResources.find((one) => groupResource(one) === type);
  const name = file.replace(/\.(yaml|txt)$/, '');
  if (!resource || !name || more.length > 0) return undefined;
  return { cluster, resource, namespace: namespace === '_' ? undefined : namespace, name };
}
