/** Stage Build: the builder's assemble script, and after it the hook. */
import type { Build } from '../../../../api/kinds/build.ts';
import type { BuilderImage } from './builder-image.ts';
import { assembleFailed, postCommitFailed } from './failure.ts';
import type { BuildRoot } from './root/build-root.ts';
import type { RunResult } from './run.ts';
import { mergeVariables, type Variable } from './source/environment.ts';
import { destinationOf } from './scripts.ts';

/** How a build reaches the outside; never part of the image. */
const passedOn = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'TERM', 'LANG'];

/** What `assemble` sees beside the image's own variables. */
export function assembleEnv(builder: BuilderImage, variables: readonly Variable[], outer: NodeJS.ProcessEnv): Record<string, string> {
  const passed = Object.fromEntries(passedOn.flatMap((name) => (outer[name] ? [[name, outer[name]]] : [])));
  const own = Object.fromEntries(variables.map(({ name, value }) => [name, value]));
  return { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: builder.workingDir, ...passed, ...builder.env, ...own, S2I_SOURCE: `${destinationOf(builder.labels, builder.env)}/src` };
}

export interface Step {
  root: BuildRoot;
  builder: BuilderImage;
  env: Record<string, string>;
  say(text: string): void;
  signal: AbortSignal;
}

export async function runAssemble(script: string, { root, builder, env, say, signal }: Step): Promise<void> {
  const result = await root.run({ argv: [script], workingDir: builder.workingDir, env, line: say, signal });
  if (result.code !== 0) throw assembleFailed(result, await whatHelps(result, root));
}

/** What is different here from a cluster, if that may be why. */
async function whatHelps({ code, tail }: RunResult, root: BuildRoot): Promise<string | undefined> {
  if ((code === 126 || code === 127) && !(await root.find('/bin/sh'))) return 'The builder image has no /bin/sh, which scripts need.';
  const owners = tail.some((line) => /\b(?:chown|chgrp|install|setgroups|setgid|setuid|useradd|groupadd|adduser|su|sudo|tar)\b.*(?:Invalid argument|Operation not permitted|not permitted|Permission denied)/i.test(line));
  if (!owners || root.kind === 'plain') return undefined;
  const { uid, gid } = root.user;
  return `A build has one user here (uid ${uid}, gid ${gid}): files cannot be given to another, and no users be made. Do what needs other users in the Dockerfile of the builder image, and let assemble give rights to the group (chgrp -R ${gid}, chmod -R g=u), as OpenShift asks of images.`;
}

/** Runs in what was just committed; what it changes is thrown away. */
export async function runPostCommit(hook: NonNullable<Build['spec']['postCommit']>, { root, builder, env, say, signal }: Step): Promise<void> {
  const argv = postCommitCommand(hook, builder.image.config.config?.Entrypoint ?? []);
  if (argv === undefined) return;
  const result = await root.run({ argv, workingDir: builder.workingDir, env, line: say, signal });
  if (result.code !== 0) throw postCommitFailed(result);
}

/** The forms of `spec.postCommit` (openshift/api build/v1, BuildPostCommitSpec); undefined if there is no hook. */
export function postCommitCommand({ script, command = [], args = [] }: NonNullable<Build['spec']['postCommit']>, entrypoint: readonly string[]): string[] | undefined {
  // In the script $0 is /bin/sh and $1, $2, … are the arguments.
  if (script) return ['/bin/sh', '-ic', script, '/bin/sh', ...args];
  if (command.length > 0) return [...command, ...args];
  return args.length > 0 ? [...entrypoint, ...args] : undefined;
}

/** Later wins: the source's own file, the build config, OpenShift's names. All of them stay in the image. */
export function buildEnvironment(fromSource: readonly Variable[], configured: readonly Variable[], openshift: readonly Variable[]): Variable[] {
  return mergeVariables(fromSource, configured, openshift);
}
