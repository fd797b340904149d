/** The pod of a build. Pure. */
import type { IEnvVar } from 'kubernetes-models/v1';
import { copyJson } from '../../api/json.ts';
import { buildAnnotations, buildLabels, strategyFrom, type Build } from '../../api/kinds/build.ts';
import type { Pod } from '../../api/kinds/core.ts';
import { controllerReference } from '../../api/meta.ts';
import { parseReference } from '../../oci/reference.ts';
import { buildContainer, buildVariables, toolsImage } from './build-pod-contract.ts';
import { configuredEnvironment, literal } from './build-pod-environment.ts';
import type { BuildImages, BuildSecrets } from './build-pod-parts.ts';
import { buildVolumes } from './build-pod-volumes.ts';
import { buildPodName, labelValue } from './build-names.ts';

/** Seconds a build has to clean up after it was told to end. */
const grace = 10;
/** As OpenShift sets it where the service account may not run as root. */
const ordinaryUids = '1-';

type Container = Pod['spec']['containers'][number];

export function makeBuildPod(build: Build, images: BuildImages, secrets: BuildSecrets): Pod {
  const { name, namespace = '' } = build.metadata;
  const { spec } = build;
  const { volumes, mounts, env: places } = buildVolumes(spec, secrets);
  const custom = spec.strategy.customStrategy;
  const env = [...ownEnvironment(build, images), ...places, ...configuredEnvironment(spec.strategy)];
  const { git, binary } = spec.source ?? {};
  const withSource = git && !spec.source?.sourceSecret && secrets.source;
  const common: Partial<Container> = {
    ...(binary && { stdin: true, stdinOnce: true }),
    ...(spec.resources && Object.keys(spec.resources).length > 0 && { resources: copyJson(spec.resources) }),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    ...(mounts.length > 0 && { volumeMounts: mounts }),
  };
  const container: Container = custom
    ? { name: buildContainer(spec.strategy), image: images.builder ?? '', imagePullPolicy: custom.forcePull ? 'Always' : 'IfNotPresent', env, ...common }
    : // The program mounts the build's root in namespaces of its own; what it runs there has no power at all.
      { name: buildContainer(spec.strategy), image: toolsImage, imagePullPolicy: 'IfNotPresent', args: ['build'], env, securityContext: { privileged: true }, ...common };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: buildPodName(name),
      namespace,
      labels: { [buildLabels.build]: labelValue(name) },
      annotations: {
        [buildAnnotations.buildConfig]: build.metadata.annotations?.[buildAnnotations.buildConfig] ?? '',
        [buildLabels.build]: name,
        ...(withSource && { [sourceSecretAnnotation]: withSource }),
      },
      ownerReferences: [controllerReference(build)],
    },
    spec: {
      serviceAccountName: spec.serviceAccount ?? 'builder',
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: grace,
      ...(spec.completionDeadlineSeconds && { activeDeadlineSeconds: spec.completionDeadlineSeconds }),
      ...(spec.nodeSelector && { nodeSelector: { ...spec.nodeSelector } }),
      ...(custom && secrets.pull && { imagePullSecrets: [{ name: secrets.pull }] }),
      containers: [container],
      ...(volumes.length > 0 && { volumes }),
    },
  };
}

/** On a build pod: the source secret that was chosen by the annotations of the project's secrets. */
const sourceSecretAnnotation = 'slipway.dev/source-secret';

/** The names are OpenShift's: custom builders read them. */
function ownEnvironment(build: Build, images: BuildImages): IEnvVar[] {
  const { source = {}, strategy } = build.spec;
  const { git, contextDir } = source;
  const all: [string, string | undefined][] = [
    [buildVariables.build, literal(JSON.stringify(resolved(build, images)))],
    ['LANG', 'C.UTF-8'],
    ['SOURCE_REPOSITORY', git && literal(git.uri)],
    ['SOURCE_URI', git && literal(git.uri)],
    ['SOURCE_CONTEXT_DIR', contextDir && literal(contextDir)],
    ['SOURCE_REF', git?.ref && literal(git.ref)],
    [buildVariables.allowedUids, strategy.sourceStrategy && ordinaryUids],
  ];
  if (strategy.customStrategy) {
    all.push(['OPENSHIFT_CUSTOM_BUILD_BASE_IMAGE', images.builder]);
    if (images.output) {
      const { host, path, tag = 'latest' } = parseReference(images.output);
      all.push(['OUTPUT_REGISTRY', host], ['OUTPUT_IMAGE', `${path}:${tag}`]);
    }
  }
  return all.flatMap(([name, value]) => (value ? [{ name, value }] : []));
}

/** The build as the build program reads it: images by pull specification, nothing that grows with its history. */
function resolved(build: Build, { builder, output, inputs }: BuildImages): Build {
  const copy = copyJson(build);
  const { name, namespace, uid } = copy.metadata;
  copy.metadata = { name, ...(namespace && { namespace }), ...(uid && { uid }) };
  const from = strategyFrom(copy.spec.strategy);
  if (from && builder) Object.assign(from, { kind: 'DockerImage', name: builder, namespace: undefined });
  for (const [index, image] of (copy.spec.source?.images ?? []).entries()) image.from = { kind: 'DockerImage', name: inputs[index] ?? image.from.name ?? '' };
  copy.spec.output = { ...copy.spec.output };
  if (output) copy.spec.output.to = { kind: 'DockerImage', name: output };
  else delete copy.spec.output.to;
  return copy;
}
