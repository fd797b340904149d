/** Templates as they once were: kept as ControllerRevisions, named by their hash (kubernetes pkg/controller/history). */
import { controllerRevisions, revisionHashLabel, type ControllerRevision } from '../../api/kinds/apps.ts';
import { copyJson, equalJson } from '../../api/json.ts';
import { controllerOf, controllerReference, type KubeObject } from '../../api/meta.ts';
import { invalidValue, isStatusError } from '../../api/status.ts';
import type { ModelSelector } from '../../api/selector-rules.ts';
import type { Client } from '../../client/client.ts';
import { ifFound } from '../../client/if-found.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../kernel/apiserver/kind.ts';
import { templateHash } from './template-hash.ts';
import { meets } from './workload.ts';

export function controllerRevisionKind(): Kind {
  return kind<ControllerRevision>({
    type: 'stored',
    resource: controllerRevisions,
    generation: false,
    statusSubresource: false,
    validate: (revision, old) => (old && !equalJson(old.data, revision.data) ? [invalidValue('data', revision.data, 'field is immutable')] : []),
    columns: [
      nameColumn,
      { name: 'Controller', type: 'string', cell: (revision) => ownerText(revision) },
      { name: 'Revision', type: 'string', cell: ({ revision }) => String(revision) },
      ageColumn,
    ],
  });
}

function ownerText(revision: ControllerRevision): string {
  const owner = controllerOf(revision);
  if (!owner) return '<none>';
  const [group, version] = owner.apiVersion.split('/');
  return `${owner.kind.toLowerCase()}${version === undefined ? '' : `.${group}`}/${owner.name}`;
}

interface Templated extends KubeObject {
  spec: { selector?: ModelSelector; template?: unknown; revisionHistoryLimit?: number };
  status?: { collisionCount?: number };
}

export interface Revisions {
  /** Oldest first. */
  all: ControllerRevision[];
  update: ControllerRevision;
}

const dataOf = (template: unknown) => ({ spec: { template: { ...(copyJson(template) as object), $patch: 'replace' } } });

export function templateOf<T>(revision: ControllerRevision): T | undefined {
  const { $patch: _, ...template } = ((revision.data as { spec?: { template?: Record<string, unknown> } } | undefined)?.spec?.template ?? {}) as Record<string, unknown>;
  return Object.keys(template).length > 0 ? (template as T) : undefined;
}

/** More templates than that never share a name. */
const mostCollisions = 10;

/** Finds or makes the revision of the present template. One that was left and is taken up again becomes the newest. */
export async function syncRevisions(client: Client, owner: Templated): Promise<Revisions> {
  const { namespace } = owner.metadata;
  const all = (await claim(client, owner)).sort((one, other) => one.revision - other.revision || (one.metadata.name < other.metadata.name ? -1 : 1));
  const data = dataOf(owner.spec.template);
  const equal = all.findLast((one) => equalJson(one.data, data));
  const newest = (all.at(-1)?.revision ?? 0) + 1;
  if (equal === all.at(-1) && equal) return { all, update: equal };
  if (equal) {
    const update = await client.update<ControllerRevision>(controllerRevisions, { ...copyJson(equal), revision: newest } as KubeObject, { name: equal.metadata.name, namespace });
    return { all: [...all.filter((one) => one !== equal), update], update };
  }
  const update = await create(client, owner, newest);
  return { all: [...all, update], update };
}

/** Revisions of the owner; those that an owner before it left behind (deleted with its pods kept) are adopted. */
async function claim(client: Client, owner: Templated): Promise<ControllerRevision[]> {
  const { namespace, uid, deletionTimestamp } = owner.metadata;
  const mine: ControllerRevision[] = [];
  for (const one of (await client.list(controllerRevisions, { namespace })).items) {
    const holder = controllerOf(one);
    if (holder?.uid === uid) mine.push(one);
    else if (!holder && !deletionTimestamp && !one.metadata.deletionTimestamp && isOf(owner, one)) mine.push(await adopt(client, owner, one));
  }
  return mine;
}

/** Sets of different kinds may share labels, but not their revisions: names tell them apart. */
function isOf({ metadata, spec }: Templated, { metadata: { name, labels } }: ControllerRevision): boolean {
  return name === `${metadata.name}-${labels?.[revisionHashLabel]}` && meets(spec.selector, labels);
}

function adopt(client: Client, owner: Templated, { metadata }: ControllerRevision): Promise<ControllerRevision> {
  const patch = { metadata: { uid: metadata.uid, resourceVersion: metadata.resourceVersion, ownerReferences: [...(metadata.ownerReferences ?? []), controllerReference(owner)] } };
  return client.patch(controllerRevisions, { name: metadata.name, namespace: metadata.namespace }, 'merge', patch);
}

/** A name that another's revision has already counts as a collision. */
async function create(client: Client, owner: Templated, revision: number): Promise<ControllerRevision> {
  const { namespace, name, annotations, uid } = owner.metadata;
  const data = dataOf(owner.spec.template);
  for (let collisions = owner.status?.collisionCount ?? 0, last = collisions + mostCollisions; ; collisions += 1) {
    const hash = templateHash(owner.spec.template, collisions);
    const made: ControllerRevision = {
      apiVersion: 'apps/v1', kind: 'ControllerRevision',
      metadata: { name: `${name}-${hash}`, ...(namespace && { namespace }), labels: { ...labelsOf(owner.spec.template), [revisionHashLabel]: hash }, ...(annotations && { annotations: { ...annotations } }), ownerReferences: [controllerReference(owner)] },
      data, revision,
    };
    try {
      return await client.create<ControllerRevision>(controllerRevisions, made, { namespace });
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
      const there = await ifFound(client.get(controllerRevisions, { name: made.metadata.name, namespace }));
      // Made before a crash, by us.
      if (there && controllerOf(there)?.uid === uid && equalJson(there.data, data)) return there;
      // Gone meanwhile: the next look makes it.
      if (!there || collisions >= last) throw error;
    }
  }
}

function labelsOf(template: unknown): Record<string, string> {
  return { ...(template as { metadata?: { labels?: Record<string, string> } } | undefined)?.metadata?.labels };
}

/** Removes the oldest of those that nothing uses, beyond the owner's limit. */
export async function trimRevisions(client: Client, owner: Templated, { all }: Revisions, used: ReadonlySet<string>): Promise<void> {
  const idle = all.filter(({ metadata }) => !used.has(metadata.name));
  for (const { metadata } of idle.slice(0, Math.max(0, idle.length - (owner.spec.revisionHistoryLimit ?? 10)))) await ifFound(client.delete(controllerRevisions, { name: metadata.name, namespace: metadata.namespace }));
}
