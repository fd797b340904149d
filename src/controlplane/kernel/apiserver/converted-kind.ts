/** A kind that is another stored kind under another group or version: same objects, other words. */
import type { KubeObject } from '../../../api/meta.ts';
import type { Resource } from '../../../api/resource.ts';
import type { Client, DeleteOptions } from '../../../client/client.ts';
import type { Column, VirtualKind } from './kind.ts';

export interface Conversion<T extends KubeObject, S extends KubeObject> {
  resource: Resource<T>;
  storedAs: Resource<S>;
  toStored(object: T): S;
  /** `object` is frozen; the answer may share with it. */
  fromStored(object: S): T;
  columns?: readonly Column<T>[];
  selectableFields?: Record<string, (object: T) => string>;
  /** Acts on the stored kind; asked for at the first request, since it comes from the server that serves this kind. */
  client(): Client;
}

export function convertedKind<T extends KubeObject, S extends KubeObject>(conversion: Conversion<T, S>): VirtualKind<T> {
  const { resource, storedAs, toStored, fromStored, columns, selectableFields, client } = conversion;
  return {
    type: 'virtual',
    resource,
    ...(columns && { columns }),
    ...(selectableFields && { selectableFields }),
    async get({ namespace }, name) {
      return fromStored(await client().get(storedAs, { namespace, name }));
    },
    async list({ namespace, query }) {
      const found = await client().list(storedAs, {
        namespace,
        ...(query.has('limit') && { limit: Number(query.get('limit')) }),
        ...(query.has('continue') && { continue: query.get('continue') ?? '' }),
        ...(query.has('resourceVersion') && { resourceVersion: query.get('resourceVersion') ?? '' }),
      });
      return { apiVersion: `${resource.group}/${resource.version}`, kind: `${resource.kind}List`, metadata: found.metadata, items: found.items.map(fromStored) };
    },
    watch({ namespace }, resourceVersion, emit) {
      const open = client().watch(storedAs, { namespace, ...(resourceVersion !== undefined && { resourceVersion }) });
      const follow = async () => {
        for await (const { type, object } of open) emit({ type, object: type === 'ERROR' || type === 'BOOKMARK' ? (object as unknown as T) : fromStored(object) });
      };
      void follow().finally(() => open.dispose());
      return { dispose: () => open.dispose() };
    },
    async create({ namespace, dryRun }, object) {
      return fromStored(await client().create(storedAs, toStored(object), { namespace, dryRun }));
    },
    async update({ namespace, name }, object) {
      return fromStored(await client().update(storedAs, toStored(object), { namespace, ...(name && { name }) }));
    },
    async delete({ namespace }, name, options) {
      await client().delete(storedAs, { namespace, name }, options as DeleteOptions);
      return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success', details: { name, group: resource.group, kind: resource.plural } } as unknown as KubeObject;
    },
  };
}
