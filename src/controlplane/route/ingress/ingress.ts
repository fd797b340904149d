/** Ingresses and their classes: defaults, rules and columns as kube-apiserver has them. */
import { ingressClasses, ingresses, type Ingress, type IngressClass } from '../../../api/kinds/ingress.ts';
import { invalidValue, notSupported, required, type FieldError } from '../../../api/status.ts';
import { ageColumn, nameColumn } from '../../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../../kernel/apiserver/kind.ts';
import { hostErrors } from '../host.ts';

/** How a class was named before there was a field. */
export const classAnnotation = 'kubernetes.io/ingress.class';
export const defaultClassAnnotation = 'ingressclass.kubernetes.io/is-default-class';

type Spec = Ingress['spec'];
type Backend = NonNullable<Spec['defaultBackend']>;
type Rule = NonNullable<Spec['rules']>[number];
type Path = NonNullable<Rule['http']>['paths'][number];

/** `defaultClass`: name of the class for those that ask for none. */
export function ingressKind(defaultClass: () => Promise<string | undefined>): Kind {
  return kind<Ingress>({
    type: 'stored',
    resource: ingresses,
    statusSubresource: true,
    async prepareCreate(ingress) {
      ingress.status = { loadBalancer: {} };
      if (ingress.spec.ingressClassName !== undefined || ingress.metadata.annotations?.[classAnnotation] !== undefined) return;
      const name = await defaultClass();
      if (name !== undefined) ingress.spec.ingressClassName = name;
    },
    validate(ingress, old) {
      const errors = validateIngress(ingress);
      const annotated = ingress.metadata.annotations?.[classAnnotation];
      if (!old && annotated !== undefined && ingress.spec.ingressClassName !== undefined) errors.push(invalidValue(`annotations.${classAnnotation}`, annotated, 'can not be set when the class field is also set'));
      return errors;
    },
    columns: [
      nameColumn,
      { name: 'Class', type: 'string', cell: ({ spec, metadata }) => spec.ingressClassName ?? metadata.annotations?.[classAnnotation] ?? '<none>' },
      { name: 'Hosts', type: 'string', cell: ({ spec }) => shownHosts(spec) },
      { name: 'Address', type: 'string', cell: ({ status }) => (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '').join(',') },
      { name: 'Ports', type: 'string', cell: ({ spec }) => ((spec.tls ?? []).length > 0 ? '80, 443' : '80') },
      ageColumn,
    ],
  });
}

export const ingressClassKind: Kind = kind<IngressClass>({
  type: 'stored',
  resource: ingressClasses,
  statusSubresource: false,
  validate({ spec }, old) {
    if (!spec?.controller) return old ? [invalidValue('spec.controller', spec?.controller ?? '', 'field is immutable')] : [required('spec.controller')];
    return old && old.spec.controller !== spec.controller ? [invalidValue('spec.controller', spec.controller, 'field is immutable')] : [];
  },
  columns: [
    nameColumn,
    { name: 'Controller', type: 'string', cell: ({ spec }) => spec.controller ?? '' },
    { name: 'Parameters', type: 'string', cell: ({ spec: { parameters } }) => (parameters ? `${parameters.kind}${parameters.apiGroup ? `.${parameters.apiGroup}` : ''}/${parameters.name}` : '<none>') },
    ageColumn,
  ],
});

function shownHosts({ rules = [] }: Spec): string {
  const hosts = rules.map(({ host }) => host).filter(Boolean);
  if (hosts.length === 0) return '*';
  return hosts.length > 3 ? `${hosts.slice(0, 3).join(',')} + ${hosts.length - 3} more...` : hosts.join(',');
}

function validateIngress({ spec = {} }: Ingress): FieldError[] {
  const errors: FieldError[] = [];
  const { defaultBackend, rules = [], tls = [], ingressClassName } = spec;
  if (!defaultBackend && rules.length === 0) errors.push(invalidValue('spec', [], 'either `defaultBackend` or `rules` must be specified'));
  if (defaultBackend) errors.push(...validateBackend(defaultBackend, 'spec.defaultBackend'));
  if (ingressClassName !== undefined) errors.push(...hostErrors('spec.ingressClassName', ingressClassName, false));
  rules.forEach((rule, at) => errors.push(...validateRule(rule, `spec.rules[${at}]`)));
  tls.forEach(({ hosts = [] }, at) => hosts.forEach((host, index) => errors.push(...validateHost(host, `spec.tls[${at}].hosts[${index}]`))));
  return errors;
}

function validateHost(host: string, field: string): FieldError[] {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(host) || host.includes(':')) return [invalidValue(field, host, 'must be a DNS name, not an IP address')];
  return hostErrors(field, host.startsWith('*.') ? host.slice(2) : host, false).map((error) => ({ ...error, message: error.message.replace(/^Invalid value: "[^"]*"/, `Invalid value: ${JSON.stringify(host)}`) }));
}

function validateRule({ host, http }: Rule, field: string): FieldError[] {
  const errors = host ? validateHost(host, `${field}.host`) : [];
  if (http && (http.paths ?? []).length === 0) errors.push(required(`${field}.http.paths`));
  (http?.paths ?? []).forEach((path, at) => errors.push(...validatePath(path, `${field}.http.paths[${at}]`)));
  return errors;
}

const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];
const notInside = ['//', '/./', '/../', '%2f', '%2F'];
const notAtEnd = ['/..', '/.'];

function validatePath({ path = '', pathType, backend }: Path, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!pathType) errors.push(required(`${field}.pathType`, 'pathType must be specified'));
  else if (!pathTypes.includes(pathType)) errors.push(notSupported(`${field}.pathType`, pathType, pathTypes));
  else if (pathType === 'ImplementationSpecific') {
    if (path && !path.startsWith('/')) errors.push(invalidValue(`${field}.path`, path, 'must be an absolute path'));
  } else {
    if (!path.startsWith('/')) errors.push(invalidValue(`${field}.path`, path, 'must be an absolute path'));
    for (const part of notInside) if (path.includes(part)) errors.push(invalidValue(`${field}.path`, path, `must not contain '${part}'`));
    for (const part of notAtEnd) if (path.endsWith(part)) errors.push(invalidValue(`${field}.path`, path, `cannot end with '${part}'`));
  }
  return [...errors, ...validateBackend(backend ?? {}, `${field}.backend`)];
}

function validateBackend({ service, resource }: Backend, field: string): FieldError[] {
  if (resource) return service ? [invalidValue(field, '', 'cannot set both resource and service backends')] : [];
  if (!service) return [required(field, 'service or resource is required')];
  const { name, port } = service;
  const errors = name ? [] : [required(`${field}.service.name`)];
  if (port?.name && port.number) errors.push(invalidValue(field, '', 'cannot set both port name & port number'));
  else if (!port?.name && !port?.number) errors.push(required(field, 'port name or number is required'));
  return errors;
}
