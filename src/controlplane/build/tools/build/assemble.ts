/** Stage Build: the builder's assemble script, and after it the hook. */
import type { Build } from '../../../../api/kinds/build.ts';
import type { BuilderImage } from './builder-image.ts';
import { assembleFailed, postCommitFailed } from './failure.ts';
import type { BuildRoot } from './root/build-root.ts';
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
  if (result.code !== 0) throw assembleFailed(result);
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
export function buildEnvironment(fromSource: readonly Variable[], build: Build, openshift: readonly Variable[]): Variable[] {
  const configured = (build.spec.strategy.sourceStrategy?.env ?? []).map(({ name, value }) => ({ name, value: value ?? '' }));
  return mergeVariables(fromSource, configured, openshift);
}
