import type { JsonObject } from '../../../../api/json.ts';
import type { KubeObject } from '../../../../api/meta.ts';
import { alreadyExists, methodNotAllowed, StatusError } from '../../../../api/status.ts';
import { RevisionMismatch } from '../../store/store.ts';
import type { Answer } from '../answer.ts';
import type { Call } from '../call.ts';
import type { Core } from '../core.ts';
import { isStored, storeKey, type ServedStored } from '../kind-table.ts';
import { admit, refuse, requireNamespace, validate } from '../write/checks.ts';
import { trackUpdate } from '../write/managed-fields.ts';
import { beginLife, dropEmpty, placeInNamespace } from '../write/metadata.ts';
import { generateName, nameErrors } from '../write/names.ts';

/** How often a generated name that is taken is made anew. */
const attempts = 8;

/** `object` is private and decoded. */
export async function create(core: Core, call: Call, object: KubeObject): Promise<Answer> {
  const { served } = call;
  if (!served.verbs.has('create')) throw methodNotAllowed();
  placeInNamespace(call, object.metadata);
  if (!isStored(served)) {
    if (served.kind.type !== 'virtual' || !served.kind.create) throw methodNotAllowed();
    return { type: 'object', code: 201, served, object: await served.kind.create(call, object) };
  }
  return createStored(core, call, served, object);
}

/** Default, admit, validate, store. Also the way in for `apply` to a name that is free. */
export async function createStored(core: Core, call: Call, served: ServedStored, object: KubeObject): Promise<Answer> {
  const { kind } = served;
  const { metadata } = object;
  const base = metadata.name ? undefined : metadata.generateName;
  kind.defaults?.(object);
  requireNamespace(core, call, metadata.name ?? base ?? '');
  if (served.ownStatus) delete (object as unknown as JsonObject).status;
  const entries = metadata.managedFields;
  delete metadata.managedFields;
  beginLife(served, metadata, call.now);
  dropEmpty(metadata);
  for (let attempt = 1; ; attempt++) {
    if (base) metadata.name = generateName(base);
    // Rules may rely on a name.
    else if (!metadata.name) refuse(served, object, nameErrors(metadata.name));
    await admit(core, call, 'create', object, undefined);
    const key = storeKey(served, call.namespace, metadata.name);
    // Known to be taken: said before anything is allocated for it.
    if (metadata.name && core.store.pending(key)) {
      if (base && attempt < attempts) continue;
      throw taken(served, metadata.name, base);
    }
    if (kind.prepareCreate) await kind.prepareCreate(object, call);
    validate(served, call, object, undefined);
    if (entries) metadata.managedFields = entries;
    else trackUpdate(call, undefined, object);
    if (call.dryRun) return { type: 'object', code: 201, served, object };
    // The namespace may have begun to end while rules were waited for.
    requireNamespace(core, call, metadata.name);
    try {
      return { type: 'entry', code: 201, served, entry: await core.store.put(key, object, 0) };
    } catch (error) {
      if (!(error instanceof RevisionMismatch)) throw error;
      if (!base || attempt >= attempts) throw taken(served, metadata.name, base);
    }
  }
}

function taken(served: ServedStored, name: string, base: string | undefined): StatusError {
  const refusal = alreadyExists(served.resource, name);
  if (!base) return refusal;
  return new StatusError(409, 'AlreadyExists', `${refusal.message}, the server was not able to generate a unique name for the object`, { ...refusal.status.details, retryAfterSeconds: 1 });
}
