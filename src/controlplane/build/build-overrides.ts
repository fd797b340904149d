/** What a request changes in the build it asks for. Pure: changes the spec it is given. */
import type { IEnvVar } from 'kubernetes-models/v1';
import type { BuildRequest, CommonBuildSpec } from '../../api/kinds/build.ts';
import { copyJson } from '../../api/json.ts';
import { badRequest } from '../../api/status.ts';

/** `of`: the object named in refusals, `demo/web`. Throws 400 for options of another strategy. */
export function override(spec: CommonBuildSpec, request: BuildRequest, of: string): void {
  const { sourceStrategy, dockerStrategy, customStrategy } = spec.strategy;
  const strategy = sourceStrategy ?? dockerStrategy ?? customStrategy;
  if (strategy && request.env?.length) strategy.env = merged(strategy.env, request.env);
  const { buildArgs = [], noCache } = request.dockerStrategyOptions ?? {};
  if (buildArgs.length > 0 || (noCache !== undefined && noCache !== null)) {
    if (!dockerStrategy) throw badRequest(`Cannot specify Docker build specific options on ${of}, not a Docker build.`);
    if (buildArgs.length > 0) dockerStrategy.buildArgs = merged(dockerStrategy.buildArgs, buildArgs);
    if (noCache !== undefined && noCache !== null) dockerStrategy.noCache = noCache;
  }
  const incremental = request.sourceStrategyOptions?.incremental;
  if (incremental !== undefined && incremental !== null) {
    if (!sourceStrategy) throw badRequest(`Cannot specify Source build specific options on ${of}, not a Source build.`);
    sourceStrategy.incremental = incremental;
  }
}

/** Later ones take the place of earlier ones of the same name. */
function merged(before: readonly IEnvVar[] = [], after: readonly IEnvVar[]): IEnvVar[] {
  return [...before.filter((old) => !after.some((one) => one.name === old.name)), ...copyJson([...after])];
}
