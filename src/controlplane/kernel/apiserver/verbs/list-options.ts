/** Query parameters of lists and watches: versions and paging, with the refusals of the real server. */
import { badRequest, forbiddenField, invalid, notSupported, StatusError, type FieldError } from '../../../../api/status.ts';
import type { Reader } from '../../store/store.ts';

const listOptions = { group: 'meta.k8s.io', kind: 'ListOptions' };

/** apimachinery `ValidateListOptions`. */
export function checkListOptions(query: URLSearchParams): void {
  if (query.size === 0) return;
  const errors: FieldError[] = [];
  const match = query.get('resourceVersionMatch');
  const version = query.get('resourceVersion') ?? '';
  if (match) {
    if (!version) errors.push(forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if (query.get('continue')) errors.push(forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan') errors.push(notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && version === '0') errors.push(forbiddenField('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (query.has('sendInitialEvents')) errors.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  if (errors.length > 0) throw invalid(listOptions, '', errors);
}

export function checkWatchOptions(query: URLSearchParams): void {
  const errors: FieldError[] = [];
  const match = query.get('resourceVersionMatch');
  const initial = query.has('sendInitialEvents');
  if (initial && match !== 'NotOlderThan') errors.push(forbiddenField('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  if (match) {
    if (!initial) errors.push(forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
    if (match !== 'NotOlderThan') errors.push(notSupported('resourceVersionMatch', match, ['NotOlderThan']));
    if (query.get('continue')) errors.push(forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'));
  }
  if (errors.length > 0) throw invalid(listOptions, '', errors);
}

/** The number a `resourceVersion` stands for; undefined for text that is none. */
export function versionNumber(text: string): number | undefined {
  return /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}

export const versionProblem = (text: string) => `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`;

function tooNew(asked: number, current: number): StatusError {
  return new StatusError(504, 'Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/** Refuses a version that the store has not reached: the client knows another past than ours. */
export function checkNotTooNew(store: Pick<Reader, 'revision'>, text: string): number {
  const asked = versionNumber(text);
  if (asked === undefined) throw badRequest(`invalid resource version: ${versionProblem(text)}`);
  if (asked > store.revision) throw tooNew(asked, store.revision);
  return asked;
}

interface Token {
  v: string;
  rv: number;
  start: string;
}

const tokenVersion = 'meta.k8s.io/v1';

/** `start` is relative to the collection, as the real one has it. */
export function continueToken(revision: number, start: string): string {
  return Buffer.from(JSON.stringify({ v: tokenVersion, rv: revision, start } satisfies Token)).toString('base64url');
}

export function readToken(text: string): { revision: number; start: string } {
  let token: Partial<Token>;
  try {
    token = JSON.parse(Buffer.from(text, 'base64url').toString()) as Partial<Token>;
  } catch (error) {
    throw badRequest(`continue key is not valid: ${(error as Error).message}`);
  }
  if (token.v !== tokenVersion) throw badRequest(`continue key is not valid: server does not recognize this encoded version ${JSON.stringify(token.v ?? '')}`);
  if (typeof token.rv !== 'number' || token.rv === 0) throw badRequest(`continue key is not valid: incorrect encoded start resourceVersion (version ${tokenVersion})`);
  if (typeof token.start !== 'string' || token.start === '' || token.start.includes('..')) throw badRequest(`continue key is not valid: encoded start key empty (version ${tokenVersion})`);
  return { revision: token.rv, start: token.start };
}
