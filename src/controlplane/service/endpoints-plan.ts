/** Where a service leads: from the service and the pods of its project to Endpoints and EndpointSlices. Pure. */
import { endpointSlices, type EndpointSlice } from '../../api/kinds/cluster.ts';
import { endpoints, type Endpoints, type Pod, type Service } from '../../api/kinds/core.ts';
import { equalJson } from '../../api/json.ts';
import { controllerReference } from '../../api/meta.ts';
import { isPodReady, isTerminal } from '../../api/pod.ts';
import { apiVersionOf } from '../../api/resource.ts';
import { matches, selectorOfMap } from '../../api/selector.ts';
import { serviceNameLabel } from '../../api/well-known.ts';
import { portMapOf } from '../../protocol/agent.ts';

export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
export const sliceController = 'endpointslice-controller.k8s.io';
export const mirrorController = 'endpointslicemirroring-controller.k8s.io';
const headlessLabel = 'service.kubernetes.io/headless';

const mostPerSlice = 100;

interface Port {
  name: string;
  port: number;
  protocol: 'TCP' | 'UDP' | 'SCTP';
  appProtocol?: string;
}

type Address = NonNullable<NonNullable<Endpoints['subsets']>[number]['addresses']>[number];

/** One pod behind a service. */
interface Member {
  address: Address;
  ports: Port[];
  ready: boolean;
  serving: boolean;
  terminating: boolean;
}

export interface EndpointsPlan {
  endpoints: Endpoints;
  slices: EndpointSlice[];
}

/** `undefined` for a service whose endpoints are somebody else's: without selector, or of type ExternalName. */
export function planEndpoints(service: Service, pods: readonly Pod[]): EndpointsPlan | undefined {
  const selector = service.spec.selector;
  if (!selector || Object.keys(selector).length === 0 || service.spec.type === 'ExternalName') return undefined;
  const parsed = selectorOfMap(selector);
  const members = pods
    .filter((pod) => pod.status?.podIP && !isTerminal(pod) && matches(parsed, pod.metadata.labels))
    .flatMap((pod) => memberOf(service, pod) ?? [])
    .sort((a, b) => compare(a.address.ip, b.address.ip) || compare(a.address.targetRef?.name ?? '', b.address.targetRef?.name ?? ''));
  return { endpoints: endpointsOf(service, members), slices: slicesOf(service, members) };
}

function memberOf(service: Service, pod: Pod): Member | undefined {
  const ports = portsOf(service, pod);
  if (!ports) return undefined;
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const serving = isPodReady(pod);
  const { hostname, subdomain, nodeName } = pod.spec;
  const address: Address = {
    ip: pod.status?.podIP ?? '',
    ...(hostname && subdomain === service.metadata.name && { hostname }),
    ...(nodeName && { nodeName }),
    targetRef: { kind: 'Pod', name: pod.metadata.name, ...(pod.metadata.namespace && { namespace: pod.metadata.namespace }), ...(pod.metadata.uid && { uid: pod.metadata.uid }) },
  };
  const always = service.spec.publishNotReadyAddresses === true;
  return { address, ports, ready: always || (serving && !terminating), serving, terminating };
}

/** The service's ports as they are on this pod; undefined if the pod has none of them and so cannot be reached through the service. */
function portsOf(service: Service, pod: Pod): Port[] | undefined {
  const wanted = service.spec.ports ?? [];
  if (wanted.length === 0) return [];
  const map = portMapOf(pod);
  const found = wanted.flatMap((port) => {
    const protocol = port.protocol ?? 'TCP';
    const inside = targetPort(port.targetPort ?? port.port, protocol, pod);
    const number = inside !== undefined && map ? map[String(inside)] : inside;
    return number === undefined ? [] : [{ name: port.name ?? '', port: number, protocol, ...(port.appProtocol && { appProtocol: port.appProtocol }) }];
  });
  return found.length > 0 ? found : undefined;
}

function targetPort(target: number | string, protocol: string, pod: Pod): number | undefined {
  if (typeof target === 'number') return target;
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')];
  return containers.flatMap(({ ports }) => ports ?? []).find((port) => port.name === target && (port.protocol ?? 'TCP') === protocol)?.containerPort;
}

function endpointsOf(service: Service, members: readonly Member[]): Endpoints {
  // Without publishNotReadyAddresses a pod on its way out is in neither list (upstream's ShouldPodBeInEndpoints).
  const listed = members.filter(({ terminating, ready }) => !terminating || ready);
  const subsets = groups(listed).map((group) => {
    const addresses = group.filter(({ ready }) => ready).map(({ address }) => address);
    const notReadyAddresses = group.filter(({ ready }) => !ready).map(({ address }) => address);
    return {
      ...(addresses.length > 0 && { addresses }),
      ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
      ...(group[0]?.ports.length && { ports: group[0].ports.map(({ name, ...port }) => ({ ...(name && { name }), ...port })) }),
    };
  });
  return {
    apiVersion: apiVersionOf(endpoints),
    kind: endpoints.kind,
    metadata: {
      name: service.metadata.name,
      ...(service.metadata.namespace && { namespace: service.metadata.namespace }),
      labels: { ...service.metadata.labels, 'endpoints.kubernetes.io/managed-by': 'endpoint-controller', ...(service.spec.clusterIP === 'None' && { [headlessLabel]: '' }) },
    },
    ...(subsets.length > 0 && { subsets }),
  };
}

function slicesOf(service: Service, members: readonly Member[]): EndpointSlice[] {
  return groups(members).flatMap((group) => chunks(group, mostPerSlice).map((chunk, index) => {
    const ports = chunk[0]?.ports ?? [];
    return slice(service, sliceController, `${JSON.stringify(ports)}/${index}`, ports, chunk.map(({ address, ready, serving, terminating }) => endpointOf(address, { ready, serving, terminating })));
  }));
}

/** Slices for Endpoints that somebody wrote by hand for a service without selector. */
export function planMirror(service: Service, manual: Endpoints): EndpointSlice[] {
  return (manual.subsets ?? []).flatMap((subset) => {
    const ports = (subset.ports ?? []).map((port): Port => ({ name: port.name ?? '', port: port.port ?? 0, protocol: port.protocol ?? 'TCP', ...(port.appProtocol && { appProtocol: port.appProtocol }) }));
    const entries = [
      ...(subset.addresses ?? []).map((address) => endpointOf(address, { ready: true, serving: true, terminating: false })),
      ...(subset.notReadyAddresses ?? []).map((address) => endpointOf(address, { ready: false, serving: false, terminating: false })),
    ];
    return chunks(entries, mostPerSlice).map((chunk, index) => slice(service, mirrorController, `${JSON.stringify(ports)}/${index}`, ports, chunk));
  });
}

function endpointOf({ ip, hostname, nodeName, targetRef }: Address, conditions: { ready: boolean; serving: boolean; terminating: boolean }): EndpointSlice['endpoints'][number] {
  return { addresses: [ip], conditions, ...(hostname && { hostname }), ...(nodeName && { nodeName }), ...(targetRef && { targetRef }) };
}

function slice(service: Service, manager: string, seed: string, ports: readonly Port[], entries: EndpointSlice['endpoints']): EndpointSlice {
  const { name, namespace, labels } = service.metadata;
  return {
    apiVersion: apiVersionOf(endpointSlices),
    kind: endpointSlices.kind,
    metadata: {
      // The same ports keep the same name, so that a change is an update and not a new object.
      name: `${name}-${shortHash(`${manager} ${seed}`)}`,
      ...(namespace && { namespace }),
      labels: { ...labels, [serviceNameLabel]: name, [managedByLabel]: manager, ...(service.spec.clusterIP === 'None' && { [headlessLabel]: '' }) },
      ownerReferences: [controllerReference(service)],
    },
    addressType: 'IPv4',
    endpoints: entries,
    ports: ports.map((port) => ({ ...port })),
  };
}

/** Members with equal ports together; pods of nodes without pod network each have ports of their own. */
function groups(members: readonly Member[]): Member[][] {
  const byPorts = new Map<string, Member[]>();
  for (const member of members) {
    const key = JSON.stringify(member.ports);
    const group = byPorts.get(key);
    if (group) group.push(member);
    else byPorts.set(key, [member]);
  }
  return [...byPorts.entries()].sort(([a], [b]) => compare(a, b)).map(([, group]) => group);
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  const result: T[][] = [];
  for (let at = 0; at < list.length; at += size) result.push(list.slice(at, at + size));
  return result;
}

/** True if what is stored already says what `wanted` says; labels and annotations of others are left alone. */
export function sameContent(stored: Endpoints | EndpointSlice, wanted: Endpoints | EndpointSlice): boolean {
  const labels = Object.entries(wanted.metadata.labels ?? {}).every(([key, value]) => stored.metadata.labels?.[key] === value);
  if (!labels) return false;
  if ('endpoints' in wanted) {
    const before = stored as EndpointSlice;
    return equalJson(before.endpoints ?? [], wanted.endpoints) && equalJson(before.ports ?? [], wanted.ports ?? []);
  }
  return equalJson((stored as Endpoints).subsets ?? [], wanted.subsets ?? []);
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Letters and digits of names the API generates: no vowels, so that no words appear. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

function shortHash(text: string): string {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193) >>> 0;
  let name = '';
  for (let at = 0; at < 5; at += 1) {
    name += alphabet[value % alphabet.length];
    value = Math.floor(value / alphabet.length);
  }
  return name;
}
