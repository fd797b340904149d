/** A repository of the registry is an image stream: `<project>/<image stream>`. */
export interface RepositoryName {
  namespace: string;
  name: string;
}

export function formatRepository({ namespace, name }: RepositoryName): string {
  return `${namespace}/${name}`;
}
