/** The one way a stored object changes: read what is pending, make the next state, check it, write it if nothing came in between. */
import { copyJson, equalJson, type JsonObject } from '../../../../api/json.ts';
import type { KubeObject } from '../../../../api/meta.ts';
import { badRequest, conflict, notFound } from '../../../../api/status.ts';
import { RevisionMismatch, type Entry } from '../../store/store.ts';
import type { Answer } from '../answer.ts';
import type { Call } from '../call.ts';
import type { Core } from '../core.ts';
import type { FieldsSubresource } from '../kind.ts';
import { storeKey, type ServedStored } from '../kind-table.ts';
import { admit, refuse, validate } from './checks.ts';
import { trackUpdate } from './managed-fields.ts';
import { carryOver, countGeneration, dropEmpty, metadataErrors } from './metadata.ts';
import { finish, mayGo } from './removal.ts';

/** How often a write without a version is tried again when others keep coming first. */
const attempts = 20;

export interface Change {
  /** The next state as the client wants it: a private object. Called again for every attempt, with what is stored then. */
  next(current: Entry): KubeObject | Promise<KubeObject>;
  /** Writes only a part of the object. */
  part?: FieldsSubresource<KubeObject> | undefined;
  /** `managedFields` were worked out by `next` (server-side apply). */
  tracked?: boolean;
  /** What to do with a name that is free; default: 404. */
  missing?(): Promise<Answer>;
}

export async function replace(core: Core, call: Call, served: ServedStored, change: Change): Promise<Answer> {
  const key = storeKey(served, call.namespace, call.object);
  for (let attempt = 1; ; attempt++) {
    const current = core.store.pending(key);
    if (!current) {
      if (change.missing) return change.missing();
      throw notFound(served.resource, call.object);
    }
    const wanted = await change.next(current);
    const pinned = checkIdentity(served, call, wanted, current);
    const next = change.part ? mergePart(change.part, wanted, current.object) : wanted;
    prepareMetadata(served, call, next, current.object);
    await settle(core, call, served, next, current.object, change);
    if (call.dryRun) return { type: 'object', code: 200, served, object: next };
    const unchanged = equalJson(next, current.object);
    // What is only pending is not yet safe on disk: then even an empty write waits its turn.
    if (unchanged && core.store.get(key) === current) return { type: 'entry', code: 200, served, entry: current };
    try {
      if (mayGo(served, next)) {
        const removed = await finish(core, served, current);
        return { type: 'object', code: 200, served, object: { ...next, metadata: { ...next.metadata, resourceVersion: String(removed.revision) } } };
      }
      return { type: 'entry', code: 200, served, entry: await core.store.put(key, next, current.revision) };
    } catch (error) {
      if (!(error instanceof RevisionMismatch)) throw error;
      if (pinned || attempt >= attempts) throw conflict(served.resource, call.object);
    }
  }
}

/** Names, identity and version of what was sent against what is stored. True if the client named the version it saw. */
function checkIdentity(served: ServedStored, call: Call, wanted: KubeObject, current: Entry): boolean {
  const { metadata } = wanted;
  const { metadata: old } = current.object;
  if (metadata.name !== call.object) {
    if (metadata.name) throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${call.object})`);
    metadata.name = call.object;
  }
  if (metadata.namespace && metadata.namespace !== (call.namespace ?? '')) throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  if (metadata.uid && metadata.uid !== old.uid) {
    throw conflict(served.resource, call.object, `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${old.uid ?? ''}`);
  }
  const version = metadata.resourceVersion;
  if (!version || version === '0') return false;
  if (version !== String(current.revision)) throw conflict(served.resource, call.object);
  return true;
}

function mergePart(part: FieldsSubresource<KubeObject>, wanted: KubeObject, current: KubeObject): KubeObject {
  const next = copyJson(current);
  if (wanted.metadata.managedFields) next.metadata.managedFields = wanted.metadata.managedFields;
  part.copy(wanted, next);
  return next;
}

function prepareMetadata(served: ServedStored, call: Call, next: KubeObject, old: KubeObject): void {
  next.apiVersion = old.apiVersion;
  next.kind = old.kind;
  carryOver(next.metadata, old.metadata);
  next.metadata.resourceVersion = old.metadata.resourceVersion;
  dropEmpty(next.metadata);
  if (served.ownStatus && !call.subresource) {
    const [to, from] = [next as unknown as JsonObject, old as unknown as JsonObject];
    if (from.status === undefined) delete to.status;
    else to.status = copyJson(from.status);
  }
}

async function settle(core: Core, call: Call, served: ServedStored, next: KubeObject, old: KubeObject, change: Change): Promise<void> {
  const { kind } = served;
  if (change.part) {
    if (change.part.ofSpec) {
      await admit(core, call, 'update', next, old);
      countGeneration(served, next, old);
    }
    refuse(served, next, [...metadataErrors(next.metadata), ...(change.part.validate?.(next, old, call) ?? [])]);
  } else {
    kind.defaults?.(next);
    await admit(core, call, 'update', next, old);
    if (kind.prepareUpdate) await kind.prepareUpdate(next, old, call);
    countGeneration(served, next, old);
    validate(served, call, next, old);
  }
  if (!change.tracked) trackUpdate(call, old, next);
}

