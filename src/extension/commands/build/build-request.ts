/** What a start of a build says beyond its build config: pure. */
import type { BuildRequest } from '../../../api/kinds/build.ts';

export interface Variable {
  name: string;
  value: string;
}

export interface BuildOptions {
  /** Commit, tag or branch instead of the one that the build config names. */
  commit?: string;
  env?: readonly Variable[];
  /** For `ARG` of a Dockerfile. */
  buildArgs?: readonly Variable[];
  incremental?: boolean;
  noCache?: boolean;
}

/** Body of `buildconfigs/<name>/instantiate`, as `oc start-build` makes it. */
export function requestOf(name: string, { commit, env = [], buildArgs = [], incremental, noCache }: BuildOptions): BuildRequest {
  const docker = { ...(buildArgs.length > 0 && { buildArgs: [...buildArgs] }), ...(noCache !== undefined && { noCache }) };
  const request = {
    apiVersion: 'build.openshift.io/v1',
    kind: 'BuildRequest',
    metadata: { name },
    triggeredBy: [{ message: 'Manually triggered' }],
    ...(commit && { revision: { type: 'Git' as const, git: { commit } } }),
    ...(env.length > 0 && { env: [...env] }),
    ...(incremental !== undefined && { sourceStrategyOptions: { incremental } }),
    ...(Object.keys(docker).length > 0 && { dockerStrategyOptions: docker }),
  };
  return request;
}

/** `NAME=value OTHER="two words"`, quoted as in a shell. A text that says what is wrong, if something is. */
export function parseVariables(text: string): Variable[] | { wrong: string } {
  const found: Variable[] = [];
  const word = /\s*((?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+)/gy;
  let end = 0;
  for (let match = word.exec(text); match; match = word.exec(text)) {
    end = word.lastIndex;
    const [, whole = ''] = match;
    const equals = whole.indexOf('=');
    const name = whole.slice(0, Math.max(equals, 0));
    if (!/^[A-Za-z_][\w.-]*$/.test(name)) return { wrong: whole };
    found.push({ name, value: unquoted(whole.slice(equals + 1)) });
  }
  const rest = text.slice(end).trim();
  return rest === '' ? found : { wrong: rest };
}

function unquoted(text: string): string {
  return text.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g, (_, double?: string, single?: string, escaped?: string) => double?.replace(/\\(["\\])/g, '$1') ?? single ?? escaped ?? '');
}
