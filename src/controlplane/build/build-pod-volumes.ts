/** What is mounted into a build pod. Pure. */
import { copyJson } from '../../api/json.ts';
import type { CommonBuildSpec } from '../../api/kinds/build.ts';
import type { Pod } from '../../api/kinds/core.ts';
import { buildPaths } from './build-pod-contract.ts';
import type { BuildSecrets } from './build-pod-parts.ts';

type Volumes = NonNullable<Pod['spec']['volumes']>;
type Mounts = NonNullable<Pod['spec']['containers'][number]['volumeMounts']>;

export interface BuildVolumes {
  volumes: Volumes;
  mounts: Mounts;
  /** Where a secret is, for those who look. */
  env: { name: string; value: string }[];
}

/** Its user alone reads it: the platform's own program. */
const secretMode = 0o600;
/** Read by whoever the user's image runs as; OpenShift runs such a pod as root. */
const customSecretMode = 0o644;

export function buildVolumes({ source = {}, strategy }: CommonBuildSpec, found: BuildSecrets): BuildVolumes {
  const all: BuildVolumes = { volumes: [], mounts: [], env: [] };
  const mount = (volume: Volumes[number], mountPath: string) => {
    all.volumes.push(volume);
    all.mounts.push({ name: volume.name, mountPath, readOnly: true });
  };
  const ownMode = strategy.customStrategy ? customSecretMode : secretMode;
  const secret = (name: string, secretName: string | undefined, mountPath: string, variable?: string) => {
    if (!secretName) return;
    mount({ name, secret: { secretName, defaultMode: ownMode } }, mountPath);
    if (variable) all.env.push({ name: variable, value: mountPath });
  };
  secret('build-source-secret', found.source, buildPaths.sourceSecret, 'SOURCE_SECRET_PATH');
  secret('build-push-secret', found.push, buildPaths.pushSecret, 'PUSH_DOCKERCFG_PATH');
  secret('build-pull-secret', found.pull, buildPaths.pullSecret, 'PULL_DOCKERCFG_PATH');
  for (const [index, name] of found.inputs.entries()) secret(`build-source-image-${index}`, name, `${buildPaths.sourceImages}/${index}`);
  for (const [index, one] of (source.secrets ?? []).entries()) secret(`build-secret-${index}`, one.secret.name, `${buildPaths.secrets}/${one.secret.name}`);
  for (const [index, { configMap }] of (source.configMaps ?? []).entries()) mount({ name: `build-configmap-${index}`, configMap: { name: configMap.name } }, `${buildPaths.configMaps}/${configMap.name}`);
  for (const [index, { secretSource, mountPath }] of (strategy.customStrategy?.secrets ?? []).entries()) secret(`build-custom-secret-${index}`, secretSource.name, mountPath);
  for (const [index, volume] of (strategy.sourceStrategy?.volumes ?? strategy.dockerStrategy?.volumes ?? []).entries()) {
    const { source: from } = volume;
    const content = from.secret ? { secret: { defaultMode: secretMode, ...copyJson(from.secret) } } : { configMap: copyJson(from.configMap ?? {}) };
    mount({ name: `build-volume-${index}`, ...content } as Volumes[number], `${buildPaths.volumes}/${volume.name}`);
  }
  return all;
}
