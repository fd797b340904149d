/** Where the images of a stream come from, and the way there: imported tags name other registries, the project's pull secrets open them. */
import { secrets } from '../../api/kinds/core.ts';
import { imageStreams } from '../../api/kinds/image.ts';
import type { Client } from '../../client/client.ts';
import { ifFound } from '../../client/if-found.ts';
import { isInternal, parseReference } from '../../oci/reference.ts';
import { credentialsFor, type RegistryCredentials } from '../../oci/registry-auth.ts';
import type { RegistryClient } from '../../oci/registry-client.ts';
import type { OpenRegistry } from './importer.ts';
import { pullSecretTypes } from './stream-imports.ts';
import type { Origin, Origins } from './registry/origins.ts';
import type { RepositoryName } from './registry/repository.ts';

export class RegistryOrigins implements Origins {
  readonly #client: Client;
  readonly #openRegistry: OpenRegistry;

  constructor(client: Client, openRegistry: OpenRegistry) {
    this.#client = client;
    this.#openRegistry = openRegistry;
  }

  async find({ namespace, name }: RepositoryName, digest: string): Promise<Origin[]> {
    const stream = await ifFound(this.#client.get(imageStreams, { namespace, name }));
    const origins = new Map<string, Origin>();
    for (const { tag, items } of stream?.status?.tags ?? []) {
      for (const event of items ?? []) {
        if (event.image !== digest) continue;
        const reference = parse(event.dockerImageReference);
        if (!reference || isInternal(reference)) continue;
        const insecure = stream?.spec.tags?.find((one) => one.name === tag)?.importPolicy?.insecure ?? false;
        origins.set(`${reference.host}/${reference.path}`, { host: reference.host, path: reference.path, ...(insecure && { insecure }) });
      }
    }
    return [...origins.values()];
  }

  async open({ namespace }: RepositoryName, { host, path, insecure = false }: Origin): Promise<RegistryClient> {
    const auth = await this.#credentials(namespace, { host, path });
    return this.#openRegistry({ host, path }, { insecure, ...(auth && { auth }) });
  }

  /** Of any pull secret of the project, as imports take them. */
  async #credentials(namespace: string, at: { host: string; path: string }): Promise<RegistryCredentials | undefined> {
    for (const { type, data } of (await this.#client.list(secrets, { namespace })).items) {
      const text = data?.['.dockerconfigjson'] ?? data?.['.dockercfg'];
      const found = pullSecretTypes.includes(type ?? '') && text ? credentialsFor(at, Buffer.from(text, 'base64').toString('utf8')) : undefined;
      if (found) return found;
    }
    return undefined;
  }
}

function parse(text: string): ReturnType<typeof parseReference> | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}
