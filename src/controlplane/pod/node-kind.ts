/** The rules of Node. */
import { nodes, type Node } from '../../api/kinds/core.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import { kind, type Column, type Kind } from '../kernel/apiserver/kind.ts';

const none = '<none>';
const unknown = '<unknown>';
const rolePrefix = 'node-role.kubernetes.io/';

export function nodeKind(): Kind {
  return kind<Node>({
    type: 'stored',
    resource: nodes,
    generation: false,
    defaults: (node) => {
      node.spec ??= {};
    },
    prepareCreate: (node) => {
      node.status ??= {};
      node.status.allocatable ??= node.status.capacity;
    },
    columns: nodeColumns,
    selectableFields: { 'spec.unschedulable': ({ spec }) => String(spec?.unschedulable ?? false) },
  });
}

const nodeColumns: Column<Node>[] = [
  nameColumn,
  { name: 'Status', type: 'string', description: 'The status of the node', cell: statusText },
  { name: 'Roles', type: 'string', description: 'The roles of the node', cell: rolesText },
  ageColumn,
  { name: 'Version', type: 'string', description: 'Kubelet Version reported by the node.', cell: ({ status }) => status?.nodeInfo?.kubeletVersion ?? '' },
  { name: 'Internal-IP', type: 'string', priority: 1, description: 'List of addresses reachable to the node.', cell: (node) => addressOf(node, 'InternalIP') },
  { name: 'External-IP', type: 'string', priority: 1, description: 'List of addresses reachable to the node.', cell: (node) => addressOf(node, 'ExternalIP') },
  { name: 'OS-Image', type: 'string', priority: 1, description: 'OS Image reported by the node.', cell: ({ status }) => status?.nodeInfo?.osImage || unknown },
  { name: 'Kernel-Version', type: 'string', priority: 1, description: 'Kernel Version reported by the node.', cell: ({ status }) => status?.nodeInfo?.kernelVersion || unknown },
  { name: 'Container-Runtime', type: 'string', priority: 1, description: 'ContainerRuntime Version reported by the node.', cell: ({ status }) => status?.nodeInfo?.containerRuntimeVersion || unknown },
];

function statusText({ spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const text = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown';
  return spec?.unschedulable ? `${text},SchedulingDisabled` : text;
}

function rolesText({ metadata }: Node): string {
  const roles = Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(rolePrefix) && key.length > rolePrefix.length) return [key.slice(rolePrefix.length)];
    return key === 'kubernetes.io/role' && value ? [value] : [];
  });
  return roles.length > 0 ? [...new Set(roles)].sort().join(',') : none;
}

function addressOf({ status }: Node, type: string): string {
  return status?.addresses?.find((address) => address.type === type)?.address ?? none;
}
