/** What the build program is told: the Build as JSON in `BUILD`, as OpenShift does, and where things are mounted. */
import { access, constants, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Build } from '../../../../api/kinds/build.ts';
import { buildPaths, buildVariables } from '../../build-pod-contract.ts';
import { BuildFailure } from './failure.ts';

export interface BuildSettings {
  build: Build;
  /** A folder of this build alone, on a file system that can hold an overlay's upper folder. */
  folder: string;
  /** What builds keep for later ones, on the same mount as `folder`; absent where nothing can be kept. */
  cache: string | undefined;
  terminationLog: string;
  serviceAccount: string;
  sourceSecret: string | undefined;
  pushSecret: string | undefined;
  pullSecret: string | undefined;
  /** Folder with one folder for each input image that has a pull secret, by its number. */
  sourceImages: string;
  /** Folder with one folder a volume of the strategy. */
  volumes: string;
  /** Where a path of the build pod is. */
  mounted(path: string): string;
  /** Folder with one folder a secret, and one a config map, of `spec.source`. */
  secrets: string;
  configMaps: string;
  /** Where the registry is reached, if not under its own name: `127.0.0.1:5000`. */
  registryAddress: string | undefined;
  /** Never make namespaces: the build runs as a plain process. */
  plain: boolean;
}

export async function readSettings(env: NodeJS.ProcessEnv): Promise<BuildSettings> {
  const text = env[buildVariables.build];
  if (!text) throw new BuildFailure('GenericBuildFailed', `The variable ${buildVariables.build} with the Build object is missing; this program is started by the build controller.`);
  const root = env[buildVariables.mounts] ?? '/';
  // A runtime that cannot mount may have moved the paths in variables by itself.
  const mounted = (path: string) => (root !== '/' && path.startsWith(`${root}/`) ? path : join(root, path));
  return {
    build: JSON.parse(text) as Build,
    folder: await scratchFolder(env),
    cache: await cacheFolder(env[buildVariables.cache]),
    terminationLog: env[buildVariables.terminationLog] ?? '/dev/termination-log',
    serviceAccount: env[buildVariables.serviceAccount] ?? mounted(buildPaths.serviceAccount),
    sourceSecret: env.SOURCE_SECRET_PATH && mounted(env.SOURCE_SECRET_PATH),
    pushSecret: env.PUSH_DOCKERCFG_PATH && mounted(env.PUSH_DOCKERCFG_PATH),
    pullSecret: env.PULL_DOCKERCFG_PATH && mounted(env.PULL_DOCKERCFG_PATH),
    sourceImages: mounted(buildPaths.sourceImages),
    volumes: mounted(buildPaths.volumes),
    mounted,
    secrets: mounted(buildPaths.secrets),
    configMaps: mounted(buildPaths.configMaps),
    registryAddress: env[buildVariables.registryAddress],
    plain: env[buildVariables.plain] === 'true',
  };
}

/** `/build` where the runtime gives it, else a folder under the working directory. */
async function scratchFolder(env: NodeJS.ProcessEnv): Promise<string> {
  const named = env[buildVariables.folder] ?? '/build';
  const usable = await access(named, constants.W_OK).then(() => true, () => false);
  const parent = usable ? named : process.cwd();
  const folder = join(parent, `build-${process.pid}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

async function cacheFolder(named: string | undefined): Promise<string | undefined> {
  if (named === undefined) return undefined;
  return mkdir(named, { recursive: true, mode: 0o755 }).then(() => access(named, constants.W_OK)).then(() => named, () => undefined);
}
