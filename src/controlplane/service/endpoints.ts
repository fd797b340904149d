/** Endpoints and EndpointSlices: rules and columns. */
import { endpointSlices, type EndpointSlice } from '../../api/kinds/cluster.ts';
import { endpoints, type Endpoints } from '../../api/kinds/core.ts';
import { invalidValue, required, type FieldError } from '../../api/status.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../kernel/apiserver/kind.ts';
import { parseIpv4 } from '../../api/ipv4.ts';

/** Addresses shown in a column; the rest is counted. */
const shown = 3;
const mostPerSlice = 1_000;

export const endpointsKind: Kind = kind<Endpoints>({
  type: 'stored',
  resource: endpoints,
  generation: false,
  statusSubresource: false,
  defaults(object) {
    for (const subset of object.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ??= 'TCP';
  },
  validate: validateEndpoints,
  columns: [
    nameColumn,
    { name: 'Endpoints', type: 'string', cell: formatEndpoints },
    ageColumn,
  ],
});

export const endpointSliceKind: Kind = kind<EndpointSlice>({
  type: 'stored',
  resource: endpointSlices,
  generation: false,
  statusSubresource: false,
  defaults(slice) {
    slice.endpoints ??= [];
    for (const port of slice.ports ?? []) {
      port.protocol ??= 'TCP';
      port.name ??= '';
    }
  },
  validate(slice, old) {
    const errors: FieldError[] = [];
    if (!slice.addressType) errors.push(required('addressType'));
    if (slice.endpoints.length > mostPerSlice) errors.push({ reason: 'FieldValueTooMany', field: 'endpoints', message: `Too many: ${slice.endpoints.length}: must have at most ${mostPerSlice} items` });
    if (old && old.addressType !== slice.addressType) errors.push(invalidValue('addressType', slice.addressType, 'field is immutable'));
    for (const [at, endpoint] of slice.endpoints.entries()) if (!endpoint.addresses?.length) errors.push(required(`endpoints[${at}].addresses`, 'must contain at least 1 address'));
    return errors;
  },
  columns: [
    nameColumn,
    { name: 'AddressType', type: 'string', cell: ({ addressType }) => addressType },
    { name: 'Ports', type: 'string', cell: ({ ports }) => abridged((ports ?? []).map(({ port, name }) => String(port ?? (name || '*'))), '<unset>') },
    { name: 'Endpoints', type: 'string', cell: (slice) => abridged(slice.endpoints.flatMap(({ addresses }) => addresses), '<unset>') },
    ageColumn,
  ],
});

/** Unlike upstream, loopback addresses are allowed: pods of a node without pod network have no other. */
function validateEndpoints(object: Endpoints): FieldError[] {
  return (object.subsets ?? []).flatMap((subset, at) => {
    const field = `subsets[${at}]`;
    const errors: FieldError[] = [];
    if (!subset.addresses?.length && !subset.notReadyAddresses?.length) errors.push(required(field, 'must specify `addresses` or `notReadyAddresses`'));
    for (const list of ['addresses', 'notReadyAddresses'] as const) {
      for (const [index, { ip }] of (subset[list] ?? []).entries()) {
        if (parseIpv4(ip) === undefined) errors.push(invalidValue(`${field}.${list}[${index}].ip`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
      }
    }
    for (const [index, { port, name }] of (subset.ports ?? []).entries()) {
      if ((subset.ports?.length ?? 0) > 1 && !name) errors.push(required(`${field}.ports[${index}].name`));
      if (port === undefined || port < 1 || port > 65_535) errors.push(invalidValue(`${field}.ports[${index}].port`, port, 'must be between 1 and 65535, inclusive'));
    }
    return errors;
  });
}

export function formatEndpoints({ subsets }: Endpoints): string {
  const all = (subsets ?? []).flatMap((subset) => {
    const addresses = (subset.addresses ?? []).map(({ ip }) => ip);
    return subset.ports?.length ? subset.ports.flatMap(({ port }) => addresses.map((ip) => `${ip}:${port}`)) : addresses;
  });
  return abridged(all, '<none>');
}

function abridged(list: string[], empty: string): string {
  const text = list.slice(0, shown).join(',');
  if (list.length > shown) return `${text} + ${list.length - shown} more...`;
  return text || empty;
}
