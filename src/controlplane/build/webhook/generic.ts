/** The generic webhook: a build, with what the payload adds (openshift/api build/v1 GenericWebHookEvent). A payload that cannot be read costs a warning, not the build. */
import type { IEnvVar } from 'kubernetes-models/v1';
import { isObject, type JsonObject } from '../../../api/json.ts';
import type { DockerStrategyOptions } from '../../../api/kinds/build.ts';
import { parseYaml } from '../../kernel/apiserver/decode.ts';
import { branchMatches, listOf, objectOf, otherBranch, revisionOf, textOf, userOf, type HookOutcome, type HookReader, type HookTarget } from './event.ts';

export const generic: HookReader = async (target, { header, body }) => {
  if (body.length === 0) return { build: true };
  const mediaType = (header('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (mediaType !== 'application/json' && mediaType !== 'application/yaml') return warned('invalid Content-Type on payload');
  const payload = await parsed(body, mediaType);
  return payload ? read(target, payload) : warned('error unmarshalling payload');
};

const warned = (why: string): HookOutcome => ({ build: true, warning: `${why}, ignoring payload and continuing with build` });

async function parsed(body: Buffer, mediaType: string): Promise<JsonObject | undefined> {
  try {
    const payload: unknown = mediaType === 'application/yaml' ? await parseYaml(body, 'GenericWebHookEvent') : JSON.parse(body.toString('utf8'));
    return isObject(payload) ? payload : undefined;
  } catch {
    return undefined;
  }
}

function read({ config, trigger }: HookTarget, payload: JsonObject): HookOutcome {
  const env = trigger.allowEnv ? variables(payload.env) : [];
  const docker = dockerOptions(payload.dockerStrategyOptions);
  const asked = { build: true as const, ...(env.length > 0 && { env }), ...(docker && { dockerStrategyOptions: docker }) };
  if (!config.spec.source?.git) return asked;
  if (!isObject(payload.git)) return { ...asked, warning: 'no git information found in payload, ignoring and continuing with build' };
  const { git } = payload;
  if (git.refs !== undefined && git.refs !== null) {
    const ref = listOf(git.refs).find((one) => branchMatches(textOf(one.ref) ?? '', config));
    return ref ? { ...asked, revision: gitRevision(ref) } : { build: false, text: `skipping build. None of the supplied refs matched ${JSON.stringify(config.spec.source.git.ref ?? '')}` };
  }
  const ref = textOf(git.ref) ?? '';
  return branchMatches(ref, config) ? { ...asked, revision: gitRevision(git) } : otherBranch(ref);
}

function gitRevision({ commit, author, committer, message }: JsonObject) {
  return revisionOf({ commit: textOf(commit), author: userOf(author), committer: userOf(committer), message: textOf(message) });
}

/** Values alone: a caller without credentials may not make a build read secrets. */
function variables(value: unknown): IEnvVar[] {
  return listOf(value).flatMap(({ name, value: text }) => (textOf(name) ? [{ name: textOf(name) ?? '', value: typeof text === 'string' ? text : '' }] : []));
}

function dockerOptions(value: unknown): DockerStrategyOptions | undefined {
  if (!isObject(value)) return undefined;
  const { buildArgs, noCache } = objectOf(value);
  const args = variables(buildArgs);
  return { ...(args.length > 0 && { buildArgs: args }), ...(typeof noCache === 'boolean' && { noCache }) };
}
