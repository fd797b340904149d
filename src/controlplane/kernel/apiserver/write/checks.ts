/** The steps every write passes on its way to the store: admit, then validate. */
import type { JsonObject } from '../../../../api/json.ts';
import type { KubeObject } from '../../../../api/meta.ts';
import { checkObject } from '../../../../api/schema/engine.ts';
import { forbidden, invalid, notFound, StatusError, type FieldError } from '../../../../api/status.ts';
import type { Call } from '../call.ts';
import type { Core } from '../core.ts';
import type { ServedStored } from '../kind-table.ts';
import { finalizerErrors, metadataErrors } from './metadata.ts';
import { nameErrors } from './names.ts';

const namespaceResource = { group: '', plural: 'namespaces' };

/** Nothing new appears in a namespace that is missing or ending. Skipped where no kind of namespace is served. */
export function requireNamespace(core: Core, call: Call, name: string): void {
  if (!call.namespace || !core.namespaces) return;
  const entry = core.store.pending(`${core.namespaces.prefix}/${call.namespace}`);
  if (!entry) throw notFound(namespaceResource, call.namespace);
  if (!entry.object.metadata.deletionTimestamp) return;
  const refusal = forbidden(call.served.resource, name, `unable to create new content in namespace ${call.namespace} because it is being terminated`);
  throw new StatusError(refusal.code, refusal.reason, refusal.message, {
    ...refusal.status.details,
    causes: [{ reason: 'NamespaceTerminating', message: `namespace ${call.namespace} is being terminated`, field: 'metadata.namespace' }],
  });
}

export async function admit(core: Core, call: Call, operation: 'create' | 'update' | 'delete', object: KubeObject, old: KubeObject | undefined): Promise<void> {
  for (const rule of core.admission) await rule.admit({ operation, resource: call.served.resource, object, old, context: call });
}

/** Throws 422 with everything that is wrong. */
export function validate(served: ServedStored, call: Call, object: KubeObject, old: KubeObject | undefined): void {
  const errors = old
    ? [...metadataErrors(object.metadata), ...finalizerErrors(object.metadata, old.metadata)]
    : [...nameErrors(object.metadata.name, served.kind.nameRule), ...metadataErrors(object.metadata)];
  if (served.type) errors.push(...checkObject(served.type, object as unknown as JsonObject));
  if (served.kind.validate) errors.push(...served.kind.validate(object, old, call));
  refuse(served, object, errors);
}

export function refuse(served: ServedStored, object: KubeObject, errors: readonly FieldError[]): void {
  if (errors.length === 0) return;
  const seen = new Set<string>();
  const distinct = errors.filter((error) => {
    // A kind's own rule may say again what its schema said already.
    const key = `${error.field} ${error.reason}`;
    if (seen.has(key) && (error.reason === 'FieldValueRequired' || error.reason === 'FieldValueNotSupported')) return false;
    seen.add(key);
    return true;
  });
  throw invalid(served.resource, object.metadata.name ?? '', distinct);
}
