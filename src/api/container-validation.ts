/** Rules of a container's hooks, probes, resources and security, worded as the real server words them (kubernetes pkg/apis/core/validation). */
import type { Container } from './kinds/core.ts';
import { quantityOf } from './quantity.ts';
import { qualifiedNameProblem } from './selector.ts';
import { forbiddenField, invalidValue, notSupported, required, type FieldError } from './status.ts';

type Probe = NonNullable<Container['livenessProbe']>;
type Hook = NonNullable<NonNullable<Container['lifecycle']>['preStop']>;
type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<Hook, 'sleep'>;

const schemes = ['HTTP', 'HTTPS'];
const headerName = /^[-A-Za-z0-9]+$/;
const portNamePart = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const greatestId = 2_147_483_647;

/** `graceSeconds`: of the pod. */
export function validateHooks({ lifecycle }: Container, at: string, plainInit: boolean, graceSeconds: number, errors: FieldError[]): void {
  if (!lifecycle) return;
  if (plainInit) return void errors.push(forbiddenField(`${at}.lifecycle`, 'may not be set for init containers without restartPolicy=Always'));
  for (const name of ['postStart', 'preStop'] as const) if (lifecycle[name]) validateHandler(lifecycle[name], `${at}.lifecycle.${name}`, graceSeconds, errors);
}

export function validateProbes(container: Container, at: string, plainInit: boolean, graceSeconds: number, errors: FieldError[]): void {
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    const probe = container[name];
    if (!probe) continue;
    const field = `${at}.${name}`;
    if (plainInit) errors.push(forbiddenField(field, 'may not be set for init containers without restartPolicy=Always'));
    validateHandler(probe, field, graceSeconds, errors);
    for (const key of ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const) {
      if ((probe[key] ?? 0) < 0) errors.push(invalidValue(`${field}.${key}`, probe[key], 'must be greater than or equal to 0'));
    }
    if (name !== 'readinessProbe' && probe.successThreshold !== undefined && probe.successThreshold > 1) errors.push(invalidValue(`${field}.successThreshold`, probe.successThreshold, 'must be 1'));
    const grace = probe.terminationGracePeriodSeconds;
    if (grace === undefined) continue;
    if (name === 'readinessProbe') errors.push(invalidValue(`${field}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes'));
    else if (grace <= 0) errors.push(invalidValue(`${field}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'));
  }
}

function validateHandler(handler: Handler, at: string, graceSeconds: number, errors: FieldError[]): void {
  const given = (['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const).filter((kind) => handler[kind]);
  if (given.length === 0) errors.push(required(at, 'must specify a handler type'));
  for (const extra of given.slice(1)) errors.push(forbiddenField(`${at}.${extra}`, 'may not specify more than 1 handler type'));
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  switch (given[0]) {
    case 'exec':
      if (!exec?.command?.length) errors.push(required(`${at}.exec.command`));
      break;
    case 'httpGet':
      validatePort(httpGet?.port, `${at}.httpGet.port`, errors);
      if (httpGet?.scheme && !schemes.includes(httpGet.scheme)) errors.push(notSupported(`${at}.httpGet.scheme`, httpGet.scheme, schemes));
      for (const { name } of httpGet?.httpHeaders ?? []) if (!headerName.test(name)) errors.push(invalidValue(`${at}.httpGet.httpHeaders`, name, "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"));
      break;
    case 'tcpSocket':
      validatePort(tcpSocket?.port, `${at}.tcpSocket.port`, errors);
      break;
    case 'grpc':
      validatePort(grpc?.port, `${at}.grpc.port`, errors);
      break;
    case 'sleep': {
      const seconds = sleep?.seconds ?? 0;
      if (seconds < 0 || seconds > graceSeconds) errors.push(invalidValue(`${at}.sleep`, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`));
    }
  }
}

/** A number or the name of one of the container's ports. */
function validatePort(port: number | string | undefined, field: string, errors: FieldError[]): void {
  if (typeof port !== 'string') {
    if (port === undefined || port < 1 || port > 65_535) errors.push(invalidValue(field, port ?? 0, 'must be between 1 and 65535, inclusive'));
    return;
  }
  if (port.length > 15) errors.push(invalidValue(field, port, 'must be no more than 15 characters'));
  else if (!portNamePart.test(port)) errors.push(invalidValue(field, port, 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'));
  else if (!/[a-z]/.test(port)) errors.push(invalidValue(field, port, 'must contain at least one letter (a-z)'));
}

const simple = new Set(['cpu', 'memory', 'ephemeral-storage']);
const isPages = (name: string) => name.startsWith('hugepages-');
/** Of others than Kubernetes: whole ones only, and nothing more than asked for. */
const isExtended = (name: string) => name.includes('/') && !name.includes('kubernetes.io/');

/** `claims`: names of the pod's resource claims. */
export function validateResources({ resources }: Container, at: string, claims: readonly string[], errors: FieldError[]): void {
  const { limits = {}, requests = {} } = resources ?? {};
  for (const [kind, amounts] of [['limits', limits], ['requests', requests]] as const) {
    for (const [name, amount] of Object.entries(amounts)) {
      const field = `${at}.resources.${kind}`;
      const problem = qualifiedNameProblem(name);
      if (problem) errors.push(invalidValue(field, name, problem));
      else if (!name.includes('/') && !simple.has(name) && !isPages(name)) errors.push(invalidValue(field, name, 'must be a standard resource for containers'));
      if (quantityOf(amount) < 0) errors.push(invalidValue(`${field}[${name}]`, String(amount), 'must be greater than or equal to 0'));
      else if (isExtended(name) && !Number.isInteger(quantityOf(amount))) errors.push(invalidValue(`${field}[${name}]`, String(amount), 'must be an integer'));
    }
  }
  for (const [name, amount] of Object.entries(requests)) {
    const limit = limits[name];
    const exactly = isExtended(name) || isPages(name);
    if (limit === undefined) {
      if (exactly) errors.push(required(`${at}.resources.limits`, 'Limit must be set for non overcommitable resources'));
    } else if (exactly && quantityOf(amount) !== quantityOf(limit)) errors.push(invalidValue(`${at}.resources.requests`, String(amount), `must be equal to ${name} limit of ${limit}`));
    else if (quantityOf(amount) > quantityOf(limit)) errors.push(invalidValue(`${at}.resources.requests`, String(amount), `must be less than or equal to ${name} limit of ${limit}`));
  }
  for (const [index, { name }] of (resources?.claims ?? []).entries()) {
    if (claims.includes(name)) continue;
    const known = claims.length > 0 ? `: ${claims.map((claim) => `"${claim}"`).join(', ')}` : ' which is empty';
    errors.push({ reason: 'FieldValueNotFound', field: `${at}.resources.claims[${index}]`, message: `Not found: "${name}": must be one of the names in pod.spec.resourceClaims${known}` });
  }
}

export function validateSecurity({ securityContext: security }: Container, at: string, errors: FieldError[]): void {
  if (!security) return;
  const field = `${at}.securityContext`;
  for (const name of ['runAsUser', 'runAsGroup'] as const) validateId(security[name], `${field}.${name}`, errors);
  if (security.allowPrivilegeEscalation !== false) return;
  if (security.privileged) errors.push(invalidValue(field, security, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
  if (security.capabilities?.add?.some((name) => name === 'CAP_SYS_ADMIN')) errors.push(invalidValue(field, security, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'));
}

export function validateId(id: number | undefined, field: string, errors: FieldError[]): void {
  if (id !== undefined && (id < 0 || id > greatestId)) errors.push(invalidValue(field, id, `must be between 0 and ${greatestId}, inclusive`));
}
