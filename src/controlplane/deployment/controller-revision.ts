/** Templates as they once were: kept as ControllerRevisions, named by their hash (kubernetes pkg/controller/history). */
import { controllerRevisions, revisionHashLabel, type ControllerRevision } from '../../api/kinds/apps.ts';
import { copyJson, equalJson } from '../../api/json.ts';
import { controllerOf, controllerReference, type KubeObject } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import { invalidValue } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { ifFound } from '../../client/if-found.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../kernel/apiserver/kind.ts';
import { templateHash } from './template-hash.ts';

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
  spec: { template?: unknown; revisionHistoryLimit?: number };
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

/** Finds or makes the revision of the present template. One that was left and is taken up again becomes the newest. */
export async function syncRevisions(client: Client, owner: Templated): Promise<Revisions> {
  const { namespace, uid, name } = owner.metadata;
  const all = (await client.list(controllerRevisions, { namespace })).items.filter((one) => controllerOf(one)?.uid === uid).sort((one, other) => one.revision - other.revision || (one.metadata.name < other.metadata.name ? -1 : 1));
  const data = dataOf(owner.spec.template);
  const equal = all.findLast((one) => equalJson(one.data, data));
  const newest = (all.at(-1)?.revision ?? 0) + 1;
  if (equal === all.at(-1) && equal) return { all, update: equal };
  if (equal) {
    const update = await client.update<ControllerRevision>(controllerRevisions, { ...copyJson(equal), revision: newest } as KubeObject, { name: equal.metadata.name, namespace });
    return { all: [...all.filter((one) => one !== equal), update], update };
  }
  const hash = templateHash(owner.spec.template, owner.status?.collisionCount ?? 0);
  const made: ControllerRevision = {
    apiVersion: 'apps/v1', kind: 'ControllerRevision',
    metadata: { name: `${name}-${hash}`, ...(namespace && { namespace }), labels: { ...labelsOf(owner.spec.template), [revisionHashLabel]: hash }, ...(owner.metadata.annotations && { annotations: { ...owner.metadata.annotations } }), ownerReferences: [controllerReference(owner)] },
    data, revision: newest,
  };
  const update = await client.create<ControllerRevision>(controllerRevisions, made, { namespace }).catch(async (error: unknown) => {
    // Made before a crash, by us.
    const there = isStatusError(error, 'AlreadyExists') ? await ifFound(client.get(controllerRevisions, { name: made.metadata.name, namespace })) : undefined;
    if (there && controllerOf(there)?.uid === uid && equalJson(there.data, data)) return there;
    throw error;
  });
  return { all: [...all, update], update };
}

function labelsOf(template: unknown): Record<string, string> {
  return { ...(template as { metadata?: { labels?: Record<string, string> } } | undefined)?.metadata?.labels };
}

/** Removes the oldest of those that nothing uses, beyond the owner's limit. */
export async function trimRevisions(client: Client, owner: Templated, { all }: Revisions, used: ReadonlySet<string>): Promise<void> {
  const idle = all.filter(({ metadata }) => !used.has(metadata.name));
  for (const { metadata } of idle.slice(0, Math.max(0, idle.length - (owner.spec.revisionHistoryLimit ?? 10)))) await ifFound(client.delete(controllerRevisions, { name: metadata.name, namespace: metadata.namespace }));
}
