/** What is served: the legacy documents of `/api`, `/apis`, `/apis/<group>/<version>`, and the aggregated one. Made once, since kinds do not change. */
import { createHash } from 'node:crypto';
import type { Answer } from '../answer.ts';
import { aggregatedDiscovery, wantsAggregated } from '../encode/negotiate.ts';
import type { KindTable, Served } from '../kind-table.ts';
import type { ApiRequest } from '../request.ts';

interface LegacyResource {
  name: string;
  singularName: string;
  namespaced: boolean;
  group?: string;
  version?: string;
  kind: string;
  verbs: string[];
  shortNames?: readonly string[];
  categories?: readonly string[];
  storageVersionHash?: string;
}

export function discovery(kinds: KindTable): (request: ApiRequest, path: string) => Answer | undefined {
  const versions = byVersion(kinds);
  const documents = new Map<string, Answer>();

  const once = (key: string, make: () => Answer | undefined): Answer | undefined => {
    const known = documents.get(key);
    if (known) return known;
    const made = make();
    if (made) documents.set(key, made);
    return made;
  };

  return (request, path) => {
    const plain = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
    const parts = plain.split('/');
    if (parts[1] !== 'api' && parts[1] !== 'apis') return undefined;
    const root = parts[1];
    if (parts.length === 2) {
      if (!wantsAggregated(request.header('accept'))) return once(root, () => json(root === 'api' ? coreVersions(request) : groupList(versions)));
      const answer = once(`${root} aggregated`, () => json(aggregated(versions, root === 'api'), aggregatedDiscovery));
      return notModified(request, answer);
    }
    if (root === 'apis' && parts.length === 3) return once(plain, () => groupDocument(versions, parts[2] ?? ''));
    const apiVersion = root === 'api' ? (parts.length === 3 ? parts[2] : undefined) : parts.length === 4 ? `${parts[2]}/${parts[3]}` : undefined;
    const served = apiVersion === undefined ? undefined : versions.get(apiVersion);
    return served && once(plain, () => json({ kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersion, resources: served.flatMap(legacyResources) }));
  };
}

/** `<apiVersion>` → its kinds, sorted by plural: clients that map a kind to its resource take the last. */
function byVersion(kinds: KindTable): Map<string, Served[]> {
  const versions = new Map<string, Served[]>();
  for (const served of kinds.all) {
    const list = versions.get(served.apiVersion) ?? [];
    list.push(served);
    versions.set(served.apiVersion, list);
  }
  for (const list of versions.values()) list.sort((a, b) => (a.resource.plural < b.resource.plural ? -1 : 1));
  return versions;
}

function json(document: object, contentType = 'application/json'): Answer {
  const body = Buffer.from(`${JSON.stringify(document)}\n`);
  const tag = createHash('sha512').update(body).digest('hex').toUpperCase();
  return { type: 'document', code: 200, contentType, body, headers: { ETag: `"${tag}"`, Vary: 'Accept' } };
}

function notModified(request: ApiRequest, answer: Answer | undefined): Answer | undefined {
  if (answer?.type !== 'document' || request.header('if-none-match') !== answer.headers?.ETag) return answer;
  return { ...answer, code: 304, body: '' };
}

function coreVersions(request: ApiRequest) {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: request.header('host') ?? '' }] };
}

/** The groups in order of their first kind, each with its versions. */
function groupsOf(versions: ReadonlyMap<string, Served[]>): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const apiVersion of versions.keys()) {
    const slash = apiVersion.indexOf('/');
    if (slash < 0) continue;
    const group = apiVersion.slice(0, slash);
    groups.set(group, [...(groups.get(group) ?? []), apiVersion.slice(slash + 1)]);
  }
  return groups;
}

function groupOf(name: string, versions: readonly string[]) {
  const list = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: list, preferredVersion: list[0] };
}

function groupList(versions: ReadonlyMap<string, Served[]>) {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: [...groupsOf(versions)].map(([name, list]) => groupOf(name, list)) };
}

function groupDocument(versions: ReadonlyMap<string, Served[]>, name: string): Answer | undefined {
  const list = groupsOf(versions).get(name);
  return list && json({ kind: 'APIGroup', apiVersion: 'v1', ...groupOf(name, list) });
}

const verbsOf = (served: Served) => [...served.verbs].sort();

function legacyResources(served: Served): LegacyResource[] {
  const { resource } = served;
  return [
    {
      name: resource.plural,
      singularName: resource.singular,
      namespaced: resource.namespaced,
      kind: resource.kind,
      verbs: verbsOf(served),
      ...(resource.shortNames && { shortNames: resource.shortNames }),
      ...(resource.categories && { categories: resource.categories }),
    },
    ...parts(served).map(({ name, group, version, kind, verbs }) => ({
      name: `${resource.plural}/${name}`,
      singularName: '',
      namespaced: resource.namespaced,
      ...((group !== resource.group || version !== resource.version) && { group, version }),
      kind,
      verbs,
    })),
  ];
}

interface Part {
  name: string;
  group: string;
  version: string;
  kind: string;
  verbs: string[];
}

const methodVerbs: Record<string, string> = { GET: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

function parts(served: Served): Part[] {
  return [...served.subresources]
    .map(([name, part]): Part => {
      const { group, version } = served.resource;
      switch (part.type) {
        case 'scale':
          return { name, group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'patch', 'update'] };
        case 'fields':
          return { name, group, version, kind: part.kind, verbs: ['get', 'patch', 'update'] };
        case 'text':
          return { name, group, version, kind: part.kind, verbs: ['get'] };
        case 'open':
          return { name, group, version, kind: part.kind, verbs: ['create'] };
        case 'stream':
          return { name, group, version, kind: part.kind, verbs: ['create', 'get'] };
        case 'upload':
        case 'action': {
          const apiVersion = part.apiVersion ?? served.apiVersion;
          const slash = apiVersion.indexOf('/');
          const methods = part.type === 'action' ? (part.methods ?? ['POST']) : ['POST'];
          return { name, group: slash < 0 ? '' : apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1), kind: part.kind, verbs: methods.map((method) => methodVerbs[method] ?? method.toLowerCase()).sort() };
        }
      }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function aggregated(versions: ReadonlyMap<string, Served[]>, core: boolean) {
  const groups: [string, string[]][] = core ? [['', versions.has('v1') ? ['v1'] : []]] : [...groupsOf(versions)];
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(([group, list]) => ({
      metadata: { ...(group && { name: group }), creationTimestamp: null },
      versions: list.map((version) => ({
        version,
        resources: (versions.get(group ? `${group}/${version}` : version) ?? []).map(aggregatedResource),
        freshness: 'Current',
      })),
    })),
  };
}

function aggregatedResource(served: Served) {
  const { resource } = served;
  const subresources = parts(served);
  return {
    resource: resource.plural,
    responseKind: { group: resource.group, version: resource.version, kind: resource.kind },
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: verbsOf(served),
    ...(resource.shortNames && { shortNames: resource.shortNames }),
    ...(resource.categories && { categories: resource.categories }),
    ...(subresources.length > 0 && {
      subresources: subresources.map(({ name, group, version, kind, verbs }) => ({ subresource: name, responseKind: { group, version, kind }, verbs })),
    }),
  };
}
