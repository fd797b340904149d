/** What a route may say, in the words of OpenShift's API server (openshift/library-go, pkg/route/validation). Pure. */
import type { Route, RouteHttpHeader, RouteTarget, RouteTls } from '../../api/kinds/route.ts';
import { duplicateValue, forbiddenField, invalidValue, notSupported, required, type FieldError } from '../../api/status.ts';
import { annotationWarnings } from './annotation-warnings.ts';
import { hostErrors, labelErrors } from './host.ts';

type Spec = Route['spec'];

const mostAlternates = 3;
const largestWeight = 256;
const mostHeaders = 20;
const longestHeaderName = 255;
const longestHeaderValue = 16_384;
/** On routes whose hosts are no names of DNS. */
const anyHostAnnotation = 'route.openshift.io/allow-non-dns-compliant-host';

export function validateRoute(route: Route, old: Route | undefined): FieldError[] {
  const { spec } = route;
  return [
    ...(old && old.spec.wildcardPolicy !== spec.wildcardPolicy ? [invalidValue('spec.wildcardPolicy', spec.wildcardPolicy ?? '', 'field is immutable')] : []),
    ...validateHost(route, old), ...validateWildcard(spec), ...validateHeaders(spec), ...validatePath(spec), ...validateTargets(spec), ...validatePort(spec), ...validateTls(spec),
  ];
}

/** Texts for `Warning` headers. */
export function routeWarnings({ spec, metadata }: Route, old?: Route): string[] {
  return [...(spec.host && spec.subdomain ? ['spec.host is set; spec.subdomain may be ignored'] : []), ...annotationWarnings(metadata.annotations, old?.metadata.annotations)];
}

function validateHost({ spec: { host, subdomain }, metadata }: Route, old: Route | undefined): FieldError[] {
  const lenient = metadata.annotations?.[anyHostAnnotation] === 'true' || (old !== undefined && (old.spec.host === host || labelErrors(old.spec.host ?? '').length > 0));
  const errors = host ? hostErrors('spec.host', host, !lenient) : [];
  for (const label of subdomain ? subdomain.split('.') : []) {
    const wrong = labelErrors(label);
    if (wrong.length > 0) errors.push(invalidValue('spec.subdomain', label, wrong.join(', ')));
  }
  return errors;
}

function validateWildcard({ host, wildcardPolicy }: Spec): FieldError[] {
  if (!wildcardPolicy) return [];
  if (wildcardPolicy !== 'None' && wildcardPolicy !== 'Subdomain') return [notSupported('spec.wildcardPolicy', wildcardPolicy, ['None', 'Subdomain'])];
  return wildcardPolicy === 'Subdomain' && !host ? [invalidValue('spec.wildcardPolicy', wildcardPolicy, 'host name not specified for wildcard policy')] : [];
}

function validateTargets({ to, alternateBackends = [] }: Spec): FieldError[] {
  const errors = validateTarget(to, 'spec.to');
  if (alternateBackends.length > mostAlternates) errors.push(required('spec.alternateBackends', `cannot specify more than ${mostAlternates} alternate backends`));
  return [...errors, ...alternateBackends.flatMap((target, at) => validateTarget(target, `spec.alternateBackends[${at}]`))];
}

function validateTarget({ kind: of, name, weight }: RouteTarget, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!name) errors.push(required(`${field}.name`));
  if (of !== 'Service') errors.push(invalidValue(`${field}.kind`, of ?? '', 'must reference a Service'));
  if (weight != null && (!Number.isInteger(weight) || weight < 0 || weight > largestWeight)) errors.push(invalidValue(`${field}.weight`, weight, `weight must be an integer between 0 and ${largestWeight}`));
  return errors;
}

function validatePath({ path, tls }: Spec): FieldError[] {
  if (!path) return [];
  return [
    ...(path.startsWith('/') ? [] : [invalidValue('spec.path', path, 'path must begin with /')]),
    ...(tls?.termination === 'passthrough' ? [invalidValue('spec.path', path, 'passthrough termination does not support paths')] : []),
  ];
}

function validatePort({ port }: Spec): FieldError[] {
  if (!port) return [];
  const target = port.targetPort;
  return target === undefined || target === 0 || target === '' ? [required('spec.port.targetPort')] : [];
}

/** Field, and how its content is named where it must not be repeated. */
const materials = [['certificate', 'redacted certificate data'], ['key', 'redacted key data'], ['caCertificate', 'redacted ca certificate data'], ['destinationCACertificate', 'redacted destination ca certificate data']] as const;

function validateTls({ tls }: Spec): FieldError[] {
  if (!tls) return [];
  const { termination } = tls;
  const external = tls.externalCertificate?.name;
  if (!['edge', 'passthrough', 'reencrypt'].includes(termination)) return [notSupported('spec.tls.termination', termination ?? '', ['edge', 'passthrough', 'reencrypt'])];
  const errors: FieldError[] = [];
  if (termination === 'passthrough') {
    for (const [name, redacted] of materials) if (tls[name]) errors.push(invalidValue(`spec.tls.${name}`, redacted, 'passthrough termination does not support certificates'));
    if (external) errors.push(invalidValue('spec.tls.externalCertificate', external, 'passthrough termination does not support certificates'));
  } else if (external && tls.certificate) errors.push(invalidValue('spec.tls.externalCertificate', external, 'cannot specify both tls.certificate and tls.externalCertificate'));
  if (termination === 'edge' && tls.destinationCACertificate) errors.push(invalidValue('spec.tls.destinationCACertificate', 'redacted destination ca certificate data', 'edge termination does not support destination certificates'));
  return [...errors, ...validateInsecure(tls)];
}

function validateInsecure({ termination, insecureEdgeTerminationPolicy: policy }: RouteTls): FieldError[] {
  if (!policy) return [];
  const accepted = termination === 'passthrough' ? ['None', 'Redirect'] : ['None', 'Allow', 'Redirect'];
  if (accepted.includes(policy)) return [];
  return [invalidValue('spec.tls.insecureEdgeTerminationPolicy', policy, `invalid value for InsecureEdgeTerminationPolicy option, acceptable values are ${accepted.join(', ')}, or empty`)];
}

const reservedHeaders = ['strict-transport-security', 'proxy', 'cookie', 'set-cookie'];
const headerName = /^[-!#$%&'*+.0-9A-Z^_`a-z|~]+$/;
const headerValue = (direction: 'req' | 'res') => new RegExp(`^(?:%(?:%|(?:\\{[-+]?[QXE](?:,[-+]?[QXE])*\\})?\\[(?:${direction}\\.hdr\\([0-9A-Za-z-]+\\)|ssl_c_der)(?:,(?:lower|base64))*\\])|[^%\\x00-\\x1f\\x7f])+$`);
const directions = { request: { at: 'request', fetch: 'req', value: headerValue('req') }, response: { at: 'response', fetch: 'res', value: headerValue('res') } } as const;

function validateHeaders({ httpHeaders, tls }: Spec): FieldError[] {
  const { request = [], response = [] } = httpHeaders?.actions ?? {};
  if (request.length + response.length === 0) return [];
  return [
    ...(tls?.termination === 'passthrough' ? [invalidValue('spec.tls.termination', tls.termination, 'only edge and re-encrypt routes are supported for providing customized headers.')] : []),
    ...validateActions(response, directions.response), ...validateActions(request, directions.request),
  ];
}

function validateActions(actions: readonly RouteHttpHeader[], { at, fetch, value: pattern }: (typeof directions)[keyof typeof directions]): FieldError[] {
  const list = `spec.httpHeaders.actions.${at}`;
  if (actions.length > mostHeaders) return [invalidValue(list, actions.length, `${at} headers list can't exceed ${mostHeaders} items`)];
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  actions.forEach(({ name = '', action }, index) => {
    const field = `${list}[${index}]`;
    if (seen.has(name)) errors.push(duplicateValue(`${field}.name`, name));
    seen.add(name);
    if (name === '') errors.push(required(`${field}.name`));
    else if (name.length > longestHeaderName) errors.push(invalidValue(`${field}.name`, name, `name exceeds the maximum length, which is ${longestHeaderName}`));
    else if (reservedHeaders.includes(name.toLowerCase())) errors.push(forbiddenField(`${field}.name`, `the following headers may not be modified using this API: ${reservedHeaders.join(', ')}`));
    else if (!headerName.test(name)) errors.push(invalidValue(`${field}.name`, name, 'name must be a valid HTTP header name as defined in RFC 2616 section 4.2'));
    const { type, set } = action ?? {};
    if (type !== 'Set' && type !== 'Delete') errors.push(invalidValue(`${field}.action.type`, type ?? '', 'type must be "Set" or "Delete"'));
    if ((type === 'Set') !== (set !== undefined)) errors.push(required(`${field}.action.set`, 'set is required when type is Set, and forbidden otherwise'));
    if (set === undefined) return;
    if (!set.value) errors.push(required(`${field}.action.set.value`));
    else if (set.value.length > longestHeaderValue) errors.push(invalidValue(`${field}.action.set.value`, set.value, `value exceeds the maximum length, which is ${longestHeaderValue}`));
    else if (!pattern.test(set.value)) errors.push(invalidValue(`${field}.action.set.value`, set.value, valueText(fetch)));
  });
  return errors;
}

const valueText = (fetch: string) => `Either header value provided is not in correct format or the converter specified is not allowed. The dynamic header value  may use HAProxy's %[] syntax and otherwise must be a valid HTTP header value as defined in https://datatracker.ietf.org/doc/html/rfc7230#section-3.2 Sample fetchers allowed are ${fetch}.hdr, ssl_c_der. Converters allowed are lower, base64.`;
