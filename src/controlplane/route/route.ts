import { routes, type Route, type RouteTarget } from '../../api/kinds/route.ts';
import { forbiddenField, invalidValue, notSupported, required, type FieldError } from '../../api/status.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../kernel/apiserver/kind.ts';
import { validateCertificates } from './certificate-rules.ts';
import { generatedAnnotation, generatedHost, hostOf, hostProblem } from './host.ts';

const mostAlternates = 3;
const largestWeight = 256;

export function routeKind(suffix: string): Kind {
  return kind<Route>({
    type: 'stored',
    resource: routes,
    statusSubresource: true,
    defaults: routeDefaults,
    prepareCreate(route) {
      route.status = { ingress: [] };
      if (route.spec.host || route.spec.subdomain || route.spec.wildcardPolicy === 'Subdomain') return;
      route.spec.host = generatedHost(route, suffix);
      route.metadata.annotations = { ...route.metadata.annotations, [generatedAnnotation]: 'true' };
    },
    prepareUpdate(route, old) {
      // Writing the definition again that made the route must not take its host away.
      if (!route.spec.host && old.spec.host) route.spec.host = old.spec.host;
    },
    validate: validateRoute,
    selectableFields: {
      'spec.host': ({ spec }) => spec.host ?? '',
      'spec.path': ({ spec }) => spec.path ?? '',
      'spec.to.name': ({ spec }) => spec.to.name,
    },
    columns: [
      nameColumn,
      { name: 'Host/Port', type: 'string', cell: (route) => shownHost(route, suffix) },
      { name: 'Path', type: 'string', cell: ({ spec }) => spec.path ?? '' },
      { name: 'Services', type: 'string', cell: ({ spec }) => services([spec.to, ...(spec.alternateBackends ?? [])]) },
      { name: 'Port', type: 'string', cell: ({ spec }) => String(spec.port?.targetPort ?? '<all>') },
      { name: 'Termination', type: 'string', cell: ({ spec }) => (spec.tls ? [spec.tls.termination, spec.tls.insecureEdgeTerminationPolicy].filter(Boolean).join('/') : '') },
      { name: 'Wildcard', type: 'string', cell: ({ spec }) => spec.wildcardPolicy ?? 'None' },
      { ...ageColumn, priority: 1 },
    ],
  });
}

function shownHost(route: Route, suffix: string): string {
  const [ingress] = route.status?.ingress ?? [];
  const admitted = ingress?.conditions?.find(({ type }) => type === 'Admitted');
  if (admitted?.status === 'False') return admitted.reason ?? 'Rejected';
  return ingress?.host ?? hostOf(route, suffix);
}

function services(targets: readonly RouteTarget[]): string {
  if (targets.length === 1) return targets[0]?.name ?? '';
  const total = targets.reduce((sum, { weight }) => sum + (weight ?? 1), 0);
  return targets.map(({ name, weight }) => `${name}(${total === 0 ? 0 : Math.round(((weight ?? 1) / total) * 100)}%)`).join(',');
}

function routeDefaults(route: Route): void {
  const spec = (route.spec ??= { to: { kind: 'Service', name: '' } });
  spec.to ??= { kind: 'Service', name: '' };
  for (const target of [spec.to, ...(spec.alternateBackends ?? [])]) {
    target.kind ??= 'Service';
    target.weight ??= 100;
  }
  spec.wildcardPolicy ??= 'None';
  if (spec.path === '') delete spec.path;
}

function validateRoute(route: Route): FieldError[] {
  const { spec } = route;
  return [...validateHost(spec), ...validateTargets(spec), ...validatePath(spec), ...validatePort(spec), ...validateTls(spec)];
}

type Spec = Route['spec'];

function validateHost({ host, subdomain, wildcardPolicy }: Spec): FieldError[] {
  const errors: FieldError[] = [];
  const problem = host ? hostProblem(host) : undefined;
  if (problem) errors.push(invalidValue('spec.host', host, problem));
  const part = subdomain ? hostProblem(subdomain) : undefined;
  if (part) errors.push(invalidValue('spec.subdomain', subdomain, part));
  if (wildcardPolicy !== undefined && wildcardPolicy !== 'None' && wildcardPolicy !== 'Subdomain') errors.push(notSupported('spec.wildcardPolicy', wildcardPolicy, ['None', 'Subdomain']));
  if (wildcardPolicy === 'Subdomain' && !host) errors.push(invalidValue('spec.wildcardPolicy', wildcardPolicy, 'host name not specified for wildcard policy'));
  return errors;
}

function validateTargets({ to, alternateBackends = [] }: Spec): FieldError[] {
  const errors = validateTarget(to, 'spec.to');
  if (alternateBackends.length > mostAlternates) errors.push(invalidValue('spec.alternateBackends', alternateBackends.length, `cannot specify more than ${mostAlternates} alternate backends`));
  return [...errors, ...alternateBackends.flatMap((target, at) => validateTarget(target, `spec.alternateBackends[${at}]`))];
}

function validateTarget({ kind: of, name, weight }: RouteTarget, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!name) errors.push(required(`${field}.name`));
  if (of !== undefined && of !== 'Service') errors.push(invalidValue(`${field}.kind`, of, 'must reference a Service'));
  if (weight != null && (!Number.isInteger(weight) || weight < 0 || weight > largestWeight)) errors.push(invalidValue(`${field}.weight`, weight, `weight must be an integer between 0 and ${largestWeight}`));
  return errors;
}

function validatePath({ path, tls }: Spec): FieldError[] {
  if (!path) return [];
  if (tls?.termination === 'passthrough') return [invalidValue('spec.path', path, 'passthrough termination does not support paths')];
  return path.startsWith('/') ? [] : [invalidValue('spec.path', path, 'path must begin with /')];
}

function validatePort({ port }: Spec): FieldError[] {
  if (!port) return [];
  const target = port.targetPort;
  if (target === undefined || target === 0 || target === '') return [required('spec.port.targetPort')];
  return typeof target === 'number' && (target < 1 || target > 65_535) ? [invalidValue('spec.port.targetPort', target, 'must be between 1 and 65535, inclusive')] : [];
}

function validateTls({ tls }: Spec): FieldError[] {
  if (!tls) return [];
  const field = 'spec.tls';
  const { termination, insecureEdgeTerminationPolicy: insecure } = tls;
  const errors: FieldError[] = [];
  if (!['edge', 'passthrough', 'reencrypt'].includes(termination)) return [invalidValue(`${field}.termination`, termination ?? '', 'termination type must be one of edge, passthrough, reencrypt')];
  if (insecure && !['None', 'Allow', 'Redirect'].includes(insecure)) errors.push(notSupported(`${field}.insecureEdgeTerminationPolicy`, insecure, ['Allow', 'None', 'Redirect']));
  if (tls.externalCertificate) errors.push(forbiddenField(`${field}.externalCertificate`, 'certificates from secrets are not supported; put certificate and key into the route'));
  if (termination === 'passthrough') {
    for (const name of ['certificate', 'key', 'caCertificate', 'destinationCACertificate'] as const) {
      if (tls[name]) errors.push(invalidValue(`${field}.${name}`, 'redacted', 'passthrough termination does not support certificates'));
    }
    if (insecure === 'Allow') errors.push(invalidValue(`${field}.insecureEdgeTerminationPolicy`, insecure, "passthrough termination only supports 'None', 'Redirect' or empty"));
    return errors;
  }
  if (termination === 'edge' && tls.destinationCACertificate) errors.push(invalidValue(`${field}.destinationCACertificate`, 'redacted', 'edge termination does not support destination certificates'));
  return [...errors, ...validateCertificates(tls)];
}
