/** The pod of a build. Pure. */
import { copyJson } from '../../api/json.ts';
import { buildAnnotations, buildLabels, type Build } from '../../api/kinds/build.ts';
import type { Pod } from '../../api/kinds/core.ts';
import { controllerReference } from '../../api/meta.ts';
import { buildContainer, buildPaths, buildVariables, toolsImage } from './build-pod-contract.ts';
import { buildPodName, labelValue } from './build-names.ts';

/** Seconds a build has to clean up after it was told to end. */
const grace = 10;

type Volumes = NonNullable<Pod['spec']['volumes']>;
type Mounts = NonNullable<Pod['spec']['containers'][number]['volumeMounts']>;

/** `builder` and `output`: as pull specifications. A Docker build may have no image of its own: its Dockerfile names one. */
export function makeBuildPod(build: Build, builder: string | undefined, output: string | undefined): Pod {
  const { name, namespace = '' } = build.metadata;
  const { spec } = build;
  const { git, contextDir, sourceSecret, binary } = spec.source ?? {};
  const volumes: Volumes = [];
  const mounts: Mounts = [];
  const env: { name: string; value: string }[] = [{ name: buildVariables.build, value: JSON.stringify(resolved(build, builder, output)) }, { name: 'LANG', value: 'C.UTF-8' }];
  if (git) env.push({ name: 'SOURCE_REPOSITORY', value: git.uri }, { name: 'SOURCE_URI', value: git.uri });
  if (contextDir) env.push({ name: 'SOURCE_CONTEXT_DIR', value: contextDir });
  if (git?.ref) env.push({ name: 'SOURCE_REF', value: git.ref });
  const mountSecret = (volume: string, secretName: string | undefined, mountPath: string, variable?: string) => {
    if (!secretName) return;
    volumes.push({ name: volume, secret: { secretName, defaultMode: 0o600 } });
    mounts.push({ name: volume, mountPath, readOnly: true });
    if (variable) env.push({ name: variable, value: mountPath });
  };
  mountSecret('build-source-secret', sourceSecret?.name, buildPaths.sourceSecret, 'SOURCE_SECRET_PATH');
  mountSecret('build-push-secret', spec.output?.pushSecret?.name, buildPaths.pushSecret, 'PUSH_DOCKERCFG_PATH');
  mountSecret('build-pull-secret', spec.strategy.sourceStrategy?.pullSecret?.name, buildPaths.pullSecret, 'PULL_DOCKERCFG_PATH');
  for (const [index, { secret }] of (spec.source?.secrets ?? []).entries()) mountSecret(`build-secret-${index}`, secret.name, `${buildPaths.secrets}/${secret.name}`);
  for (const [index, { configMap }] of (spec.source?.configMaps ?? []).entries()) {
    volumes.push({ name: `build-configmap-${index}`, configMap: { name: configMap.name } });
    mounts.push({ name: `build-configmap-${index}`, mountPath: `${buildPaths.configMaps}/${configMap.name}`, readOnly: true });
  }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: buildPodName(name),
      namespace,
      labels: { [buildLabels.build]: labelValue(name) },
      annotations: { [buildAnnotations.buildConfig]: build.metadata.annotations?.[buildAnnotations.buildConfig] ?? '', [buildLabels.build]: name },
      ownerReferences: [controllerReference(build)],
    },
    spec: {
      serviceAccountName: spec.serviceAccount ?? 'builder',
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: grace,
      ...(spec.completionDeadlineSeconds && { activeDeadlineSeconds: spec.completionDeadlineSeconds }),
      ...(spec.nodeSelector && { nodeSelector: { ...spec.nodeSelector } }),
      containers: [
        {
          name: buildContainer,
          image: toolsImage,
          imagePullPolicy: 'IfNotPresent',
          args: ['build'],
          env,
          // The program mounts the build's root in namespaces of its own; what it runs there has no power at all.
          securityContext: { privileged: true },
          ...(binary && { stdin: true, stdinOnce: true }),
          ...(spec.resources && Object.keys(spec.resources).length > 0 && { resources: copyJson(spec.resources) }),
          terminationMessagePolicy: 'FallbackToLogsOnError',
          ...(mounts.length > 0 && { volumeMounts: mounts }),
        },
      ],
      ...(volumes.length > 0 && { volumes }),
    },
  };
}

/** The build as the build program reads it: images by pull specification, nothing that grows with its history. */
function resolved(build: Build, builder: string | undefined, output: string | undefined): Build {
  const copy = copyJson(build);
  const { name, namespace, uid } = copy.metadata;
  copy.metadata = { name, ...(namespace && { namespace }), ...(uid && { uid }) };
  const { sourceStrategy, dockerStrategy, customStrategy } = copy.spec.strategy;
  const strategy = sourceStrategy ?? dockerStrategy ?? customStrategy;
  if (strategy && builder) strategy.from = { kind: 'DockerImage', name: builder };
  copy.spec.output = { ...copy.spec.output };
  if (output) copy.spec.output.to = { kind: 'DockerImage', name: output };
  else delete copy.spec.output.to;
  return copy;
}
