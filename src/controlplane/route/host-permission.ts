/** Whoever names a host or brings a certificate needs `create` (to change them: `update`) of `routes/custom-host` (openshift/library-go, pkg/route/hostassignment). */
import { routes, type Route, type RouteTls } from '../../api/kinds/route.ts';
import { forbiddenField, invalid, invalidValue, type FieldError } from '../../api/status.ts';
import type { RequestContext } from '../kernel/apiserver/kind.ts';
import type { Authorizer } from '../kernel/apiserver/ports.ts';

const hostText = 'you do not have permission to set the host field of the route';
const subdomainText = 'you do not have permission to set the subdomain field of the route';
const certificateText = 'you do not have permission to set certificate fields on the route';
const materials = ['caCertificate', 'certificate', 'destinationCACertificate', 'key'] as const;

const bringsCertificate = (tls: RouteTls | undefined) => tls !== undefined && (materials.some((name) => Boolean(tls[name])) || Boolean(tls.externalCertificate?.name));
const changesCertificate = (tls: RouteTls | undefined, before: RouteTls | undefined) =>
  bringsCertificate(tls) && (materials.some((name) => (tls?.[name] ?? '') !== (before?.[name] ?? '')) || tls?.externalCertificate?.name !== before?.externalCertificate?.name);

export class HostPermission {
  readonly #authorize: Authorizer;

  constructor(authorize: Authorizer) {
    this.#authorize = authorize;
  }

  /** Throws 422 as OpenShift does. Call it before a host is generated. */
  async checkCreate(route: Route, context: RequestContext): Promise<void> {
    const { host, tls } = route.spec;
    if (!host && !bringsCertificate(tls)) return;
    if (await this.#may('create', route, context)) return;
    refuse(route, host ? forbiddenField('spec.host', hostText) : forbiddenField('spec.tls', certificateText));
  }

  async checkUpdate(route: Route, old: Route, context: RequestContext): Promise<void> {
    const hostChanged = (route.spec.host ?? '') !== (old.spec.host ?? '');
    const subdomainChanged = (route.spec.subdomain ?? '') !== (old.spec.subdomain ?? '');
    if (!hostChanged && !subdomainChanged && !changesCertificate(route.spec.tls, old.spec.tls)) return;
    if (await this.#may('update', route, context)) return;
    if (hostChanged) return refuse(route, invalidValue('spec.host', route.spec.host ?? '', hostText));
    if (subdomainChanged) return refuse(route, invalidValue('spec.subdomain', route.spec.subdomain ?? '', subdomainText));
    if (!(await this.#may('create', route, context))) refuse(route, forbiddenField('spec.tls', certificateText));
  }

  async #may(verb: 'create' | 'update', route: Route, { user }: RequestContext): Promise<boolean> {
    const { group, version, plural } = routes;
    return (await this.#authorize(user, { verb, group, version, resource: plural, subresource: 'custom-host', namespace: route.metadata.namespace })).allowed;
  }
}

function refuse(route: Route, error: FieldError): void {
  throw invalid(routes, route.metadata.name, [error]);
}
