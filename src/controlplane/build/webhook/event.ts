/** What a provider's webhook says, and what it makes of it. Payloads are read with care: they come from anywhere. */
import type { IEnvVar } from 'kubernetes-models/v1';
import type { BuildConfig, DockerStrategyOptions, GitSourceRevision, SourceControlUser, WebHookTrigger } from '../../../api/kinds/build.ts';
import { isObject, type JsonObject } from '../../../api/json.ts';
import { badRequest } from '../../../api/status.ts';

export interface HookRequest {
  header(name: string): string | undefined;
  readonly body: Buffer;
}

export interface HookTarget {
  readonly config: BuildConfig;
  /** The one whose secret was given. */
  readonly trigger: WebHookTrigger;
}

export type HookOutcome =
  | { build: true; revision?: GitSourceRevision; env?: IEnvVar[]; dockerStrategyOptions?: DockerStrategyOptions; warning?: string }
  /** Nothing to build, for the reason that the text tells. */
  | { build: false; text: string };

/** Throws 400 for what is no event of the provider. */
export type HookReader = (target: HookTarget, request: HookRequest) => HookOutcome | Promise<HookOutcome>;

/** Branch of configs that name none, for payloads that do not tell the repository's own. */
const commonBranch = 'master';

export function branchMatches(ref: string, { spec }: BuildConfig, repositoryDefault?: string): boolean {
  const branch = branchOf(ref);
  const wanted = spec.source?.git?.ref;
  return wanted ? branchOf(wanted) === branch : branch === commonBranch || (repositoryDefault !== undefined && branch === repositoryDefault);
}

export function otherBranch(ref: string): HookOutcome {
  return { build: false, text: `skipping build. Branch reference from ${JSON.stringify(ref)} does not match configuration` };
}

export const noCommits = (ref: string): HookOutcome => ({ build: false, text: `skipping build. ${JSON.stringify(ref)} was deleted, or nothing was pushed to it` });

function branchOf(ref: string): string {
  return ref.replace(/^refs\/heads\//, '');
}

/** The payload of a provider that sends JSON alone, and its event. */
export function readEvent({ header, body }: HookRequest, eventHeaders: readonly string[]): { event: string; payload: JsonObject } {
  const contentType = header('content-type') ?? '';
  const mediaType = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (mediaType !== 'application/json') throw badRequest(`unsupported Content-Type ${contentType}: set the webhook's content type to application/json`);
  const event = eventHeaders.map((name) => header(name.toLowerCase())).find((value) => value);
  if (!event) throw badRequest(`missing ${eventHeaders.join(' or ')}`);
  return { event, payload: parsePayload(body) };
}

function parsePayload(body: Buffer): JsonObject {
  let payload: unknown;
  try {
    payload = JSON.parse(body.toString('utf8'));
  } catch {
    // Parsers quote what they read, and a payload may hold the webhook's own address.
    throw badRequest('the payload is not valid JSON');
  }
  if (!isObject(payload)) throw badRequest('the payload is not a JSON object');
  return payload;
}

export const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
export const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});
export const listOf = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** Without what is not there. */
export function revisionOf(parts: { commit: string | undefined; author?: SourceControlUser | undefined; committer?: SourceControlUser | undefined; message: string | undefined }): GitSourceRevision {
  const { commit, author, committer, message } = parts;
  return { ...(commit && { commit }), ...(author && { author }), ...(committer && { committer }), ...(message && { message }) };
}

export function userOf(value: unknown): SourceControlUser | undefined {
  const { name, email } = objectOf(value);
  const user = { ...(textOf(name) && { name: textOf(name) }), ...(textOf(email) && { email: textOf(email) }) } as SourceControlUser;
  return Object.keys(user).length > 0 ? user : undefined;
}
