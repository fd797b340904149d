/** `metadata`: what the server alone decides, and the rules for what clients may write. */
import { randomUUID } from 'node:crypto';
import { equalJson } from '../../../../api/json.ts';
import { toTime, type KubeObject, type ObjectMeta } from '../../../../api/meta.ts';
import { labelValueProblem, qualifiedNameProblem } from '../../../../api/selector.ts';
import { badRequest, forbiddenField, invalidValue, StatusError, type FieldError } from '../../../../api/status.ts';
import type { Call } from '../call.ts';
import type { Served } from '../kind-table.ts';

const mostAnnotationBytes = 256 * 1024;

/** The namespace of the path rules; an object that names another is refused. */
export function placeInNamespace(call: Call, metadata: ObjectMeta): void {
  if (!call.served.resource.namespaced) {
    if (metadata.namespace) throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    return;
  }
  if (!call.namespace) throw badRequest('an empty namespace may not be set during creation');
  if (metadata.namespace && metadata.namespace !== call.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  metadata.namespace = call.namespace;
}

/** Fills the system fields of a new object; whatever a client put there is dropped. */
export function beginLife(served: Served, metadata: ObjectMeta, now: Date): void {
  if (metadata.resourceVersion) throw new StatusError(500, '', 'resourceVersion should not be set on objects to be created');
  metadata.uid = randomUUID();
  metadata.creationTimestamp = toTime(now);
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  if (served.counted) metadata.generation = 1;
  else delete metadata.generation;
}

/** System fields survive whatever the client sent. The precondition of `uid` is the update's own affair. */
export function carryOver(next: ObjectMeta, old: ObjectMeta): void {
  keep(next, old, 'uid');
  keep(next, old, 'creationTimestamp');
  keep(next, old, 'deletionTimestamp');
  keep(next, old, 'deletionGracePeriodSeconds');
  keep(next, old, 'generation');
  keep(next, old, 'generateName');
  if (old.namespace) next.namespace = old.namespace;
}

function keep<K extends keyof ObjectMeta>(next: ObjectMeta, old: ObjectMeta, key: K): void {
  if (old[key] === undefined) delete next[key];
  else next[key] = old[key];
}

/** Bumps `generation` when anything but metadata and status changed. */
export function countGeneration(served: Served, next: KubeObject, old: KubeObject): void {
  if (!served.counted) return;
  const [after, before] = [next as unknown as Record<string, unknown>, old as unknown as Record<string, unknown>];
  if (!equalJson(after.spec, before.spec)) next.metadata.generation = (old.metadata.generation ?? 0) + 1;
}

export function metadataErrors(metadata: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    const keyProblem = qualifiedNameProblem(key);
    if (keyProblem) errors.push(invalidValue('metadata.labels', key, keyProblem));
    const valueProblem = labelValueProblem(value);
    if (valueProblem) errors.push(invalidValue('metadata.labels', value, valueProblem));
  }
  let size = 0;
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    const problem = qualifiedNameProblem(key.toLowerCase());
    if (problem) errors.push(invalidValue('metadata.annotations', key, problem));
    size += key.length + value.length;
  }
  if (size > mostAnnotationBytes) errors.push({ reason: 'FieldValueTooLong', field: 'metadata.annotations', message: `Too long: may not be more than ${mostAnnotationBytes} bytes` });
  for (const finalizer of metadata.finalizers ?? []) {
    const problem = qualifiedNameProblem(finalizer);
    if (problem) errors.push(invalidValue('metadata.finalizers', finalizer, problem));
  }
  let controllers = 0;
  for (const [index, owner] of (metadata.ownerReferences ?? []).entries()) {
    const at = `metadata.ownerReferences[${index}]`;
    if (!owner.apiVersion) errors.push(invalidValue(`${at}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty'));
    if (!owner.kind) errors.push(invalidValue(`${at}.kind`, owner.kind ?? '', 'must not be empty'));
    if (!owner.name) errors.push(invalidValue(`${at}.name`, owner.name ?? '', 'must not be empty'));
    if (!owner.uid) errors.push(invalidValue(`${at}.uid`, owner.uid ?? '', 'must not be empty'));
    if (owner.controller) controllers++;
  }
  if (controllers > 1) errors.push(invalidValue('metadata.ownerReferences', '[]', 'Only one reference can have Controller set to true'));
  return errors;
}

/** Once deletion began no finalizer may be added. */
export function finalizerErrors(next: ObjectMeta, old: ObjectMeta): FieldError[] {
  if (!old.deletionTimestamp) return [];
  const added = (next.finalizers ?? []).filter((one) => !old.finalizers?.includes(one));
  return added.length === 0 ? [] : [forbiddenField('metadata.finalizers', `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`)];
}

/** Lists and maps that are empty say the same as absent ones; stored and compared without them. */
export function dropEmpty(metadata: ObjectMeta): void {
  if (metadata.labels && Object.keys(metadata.labels).length === 0) delete metadata.labels;
  if (metadata.annotations && Object.keys(metadata.annotations).length === 0) delete metadata.annotations;
  if (metadata.finalizers?.length === 0) delete metadata.finalizers;
  if (metadata.ownerReferences?.length === 0) delete metadata.ownerReferences;
}
