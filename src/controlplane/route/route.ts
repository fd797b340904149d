/** Routes: defaults, generated hosts, rules and columns as OpenShift's API server has them. */
import { routes, type Route, type RouteTarget } from '../../api/kinds/route.ts';
import { invalid, type FieldError } from '../../api/status.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../kernel/apiserver/kind.ts';
import { generatedAnnotation, generatedHost, hostOf } from './host.ts';
import type { HostPermission } from './host-permission.ts';
import { routeWarnings, validateRoute } from './route-rules.ts';

export interface RouteKindOptions {
  /** Of generated hosts. */
  suffix: string;
  permission: HostPermission;
  /** What is wrong with the secret that `tls.externalCertificate` names. */
  externalCertificateErrors(route: Route): Promise<FieldError[]>;
}

export function routeKind({ suffix, permission, externalCertificateErrors }: RouteKindOptions): Kind {
  return kind<Route>({
    type: 'stored',
    resource: routes,
    statusSubresource: true,
    defaults: routeDefaults,
    async prepareCreate(route, context) {
      route.status = { ingress: [] };
      // A write that is tried again comes with the host that was generated.
      if (route.metadata.annotations?.[generatedAnnotation] !== 'true' || route.spec.host !== generatedHost(route, suffix)) await permission.checkCreate(route, context);
      refuseIf(route, await externalCertificateErrors(route));
      if (route.spec.host || route.spec.subdomain || route.spec.wildcardPolicy === 'Subdomain') return;
      route.spec.host = generatedHost(route, suffix);
      route.metadata.annotations = { ...route.metadata.annotations, [generatedAnnotation]: 'true' };
    },
    async prepareUpdate(route, old, context) {
      // Writing the definition again that made the route must not take its host away.
      if (!route.spec.host && old.spec.host) route.spec.host = old.spec.host;
      await permission.checkUpdate(route, old, context);
      if (route.spec.tls?.externalCertificate?.name !== old.spec.tls?.externalCertificate?.name) refuseIf(route, await externalCertificateErrors(route));
    },
    validate(route, old, context) {
      for (const text of routeWarnings(route, old)) context.warn(text);
      return validateRoute(route, old);
    },
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

function refuseIf(route: Route, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(routes, route.metadata.name, errors);
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
