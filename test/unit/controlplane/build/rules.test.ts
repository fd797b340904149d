/** Rules of builds and build configs against OpenShift's, refusal by refusal. */
import { describe, expect, test } from 'vitest';
import { copyJson } from '../../../../src/api/json.ts';
import type { BuildConfig, BuildSource, BuildStrategy, BuildTriggerPolicy, CommonBuildSpec } from '../../../../src/api/kinds/build.ts';
import { defaultBuildSpec, validateBuildSpec } from '../../../../src/controlplane/build/build-spec-rules.ts';
import { defaultTriggers, validateTriggers } from '../../../../src/controlplane/build/build-trigger-rules.ts';

const from = { kind: 'ImageStreamTag', namespace: 'openshift', name: 'nodejs:20' };
const git = { uri: 'https://git.example.org/demo/web.git' };
const errorsOf = (spec: Partial<CommonBuildSpec>) => {
  const whole: CommonBuildSpec = copyJson({ source: { git }, strategy: { sourceStrategy: { from } }, ...spec });
  defaultBuildSpec(whole);
  return validateBuildSpec(whole).map(({ field, message }) => `${field}: ${message}`);
};

describe('sources', () => {
  const dockerfile = 'FROM scratch';
  const image = { from: { kind: 'ImageStreamTag', name: 'tools:1' }, paths: [{ sourcePath: '/opt/tool', destinationDir: 'tool' }] };
  test.each<[string, BuildSource, BuildStrategy | undefined, string[]]>([
    ['Git', { git }, undefined, []],
    ['Git and a Dockerfile', { git, dockerfile }, undefined, []],
    ['an upload and a Dockerfile', { binary: {}, dockerfile }, undefined, []],
    ['Git and an upload', { git, binary: {} }, undefined, ['spec.source.git: Invalid value: "": may not be set when binary is also set', 'spec.source.binary: Invalid value: "": may not be set when git is also set']],
    ['Git and an upload for a custom builder', { git, binary: {} }, { customStrategy: { from } }, []],
    ['Docker with nothing', {}, { dockerStrategy: {} }, ['spec.source: Invalid value: "": must provide a value for at least one source input(git, binary, dockerfile, images).']],
    ['Docker with images', { images: [{ from, as: ['base'] }] }, { dockerStrategy: {} }, []],
    ['no URL', { git: { uri: '' } }, undefined, ['spec.source.git.uri: Required value']],
    ['a proxy without a scheme', { git: { ...git, httpProxy: 'proxy:3128' } }, undefined, []],
    ['a proxy that is none', { git: { ...git, httpsProxy: 'http://a b' } }, undefined, ['spec.source.git.httpsproxy: Invalid value: "http://a b": proxy is not a valid url']],
    ['a long Dockerfile', { dockerfile: 'x'.repeat(60_001) }, undefined, ['spec.source.dockerfile: Invalid value: "": must be smaller than 60000 bytes']],
    ['a file name', { binary: { asFile: 'app.war' } }, undefined, []],
    ['a path as file name', { binary: { asFile: 'a/b' } }, undefined, ['spec.source.binary.asFile: Invalid value: "a/b": file name may not contain slashes or relative path segments and must be a valid POSIX filename']],
    ['a folder as file name', { binary: { asFile: '..' } }, undefined, ['spec.source.binary.asFile: Invalid value: "..": file name may not contain slashes or relative path segments and must be a valid POSIX filename']],
    ['the root as context', { git, contextDir: '/' }, undefined, []],
    ['a context outside', { git, contextDir: '../x' }, undefined, ['spec.source.contextDir: Invalid value: "../x": context dir must not be a relative path']],
    ['an image', { git, images: [image] }, undefined, []],
    ['an image for nothing', { git, images: [{ from }] }, undefined, ["spec.source.images[0].paths: Required value: must specify 'paths' or 'as'", "spec.source.images[0].as: Required value: must specify 'paths' or 'as'"]],
    ['two images for one', { git, images: [{ from, as: ['base', ''] }, { from, as: ['base'] }] }, undefined, ['spec.source.images[0].as[1]: Invalid value: "": must not be empty', 'spec.source.images[1].as[0]: Duplicate value: "base"']],
    ['paths of an image', { git, images: [{ ...image, paths: [{ sourcePath: 'opt', destinationDir: '/x' }, { sourcePath: '/opt', destinationDir: '../x' }] }] }, undefined, [
      'spec.source.images[0].paths[0].sourcePath: Invalid value: "opt": must be an absolute path', 'spec.source.images[0].paths[0].destinationDir: Invalid value: "/x": must be a relative path', "spec.source.images[0].paths[1].destinationDir: Invalid value: \"../x\": destination dir cannot start with '..'",
    ]],
    ['a secret without a name', { git, secrets: [{ secret: { name: '' } }] }, undefined, ['spec.source.secrets[0].secret: Required value']],
    ['a secret outside', { git, secrets: [{ secret: { name: 'npm' }, destinationDir: '../../etc' }] }, undefined, ["spec.source.secrets[0].destinationDir: Invalid value: \"../../etc\": destination dir cannot start with '..'"]],
    ['an absolute place for S2I', { git, configMaps: [{ configMap: { name: 'settings' }, destinationDir: '/etc/app' }] }, undefined, []],
    ['an absolute place for Docker', { git, configMaps: [{ configMap: { name: 'settings' }, destinationDir: '/etc/app' }] }, { dockerStrategy: {} }, ['spec.source.configMaps[0].destinationDir: Invalid value: "/etc/app": for the docker strategy the destinationDir has to be relative path']],
    ['a name of a config map', { git, configMaps: [{ configMap: { name: 'Not_One' } }] }, undefined, ['spec.source.configMaps[0].configMap: Invalid value: "Not_One": must be valid configMap name']],
    ['a source secret without a name', { git, sourceSecret: { name: '' } }, undefined, ['spec.source.sourceSecret.name: Required value']],
  ])('%s', (_, source, strategy, errors) => {
    expect(errorsOf({ source, ...(strategy && { strategy }) })).toEqual(errors);
  });

  test.each<[BuildSource, BuildSource]>([
    [{ type: 'Binary' }, { type: 'Binary', binary: {} }],
    [{ git, dockerfile }, { type: 'Git', git, dockerfile }],
    [{ dockerfile }, { type: 'Dockerfile', dockerfile }],
    [{ images: [{ from: { name: 'a:b' }, as: ['x'] }] }, { type: 'Image', images: [{ from: { kind: 'ImageStreamTag', name: 'a:b' }, as: ['x'] }] }],
    [{ git, contextDir: './a/../b/' }, { type: 'Git', git, contextDir: 'b' }],
    [{}, { type: 'None' }],
  ])('%j by default', (source, expected) => {
    const spec: CommonBuildSpec = { source: copyJson(source), strategy: {} };
    defaultBuildSpec(spec);
    expect(spec.source).toEqual(expected);
  });
});

describe('strategies', () => {
  const volume = { name: 'settings', source: { type: 'Secret' as const, secret: { secretName: 's' } }, mounts: [{ destinationPath: '/mnt/s' }] };
  test.each<[string, BuildStrategy, string[]]>([
    ['none', {}, ['spec.strategy: Invalid value: "": must provide a value for exactly one of sourceStrategy, customStrategy, dockerStrategy, or jenkinsPipelineStrategy']],
    ['two', { sourceStrategy: { from }, dockerStrategy: {} }, ['spec.strategy: Invalid value: "": must provide a value for exactly one of sourceStrategy, customStrategy, dockerStrategy, or jenkinsPipelineStrategy']],
    ['Docker without an image', { dockerStrategy: {} }, []],
    ['Docker with everything', { dockerStrategy: { from, pullSecret: { name: 'pull' }, noCache: true, env: [{ name: 'A', value: '1' }], buildArgs: [{ name: 'B' }], dockerfilePath: 'build/Dockerfile', imageOptimizationPolicy: 'SkipLayers', volumes: [volume] } }, []],
    ['Custom', { customStrategy: { from, secrets: [{ secretSource: { name: 's' }, mountPath: '/s' }] } }, []],
    ['a Dockerfile outside', { dockerStrategy: { dockerfilePath: '../Dockerfile' } }, ['spec.strategy.dockerStrategy.dockerfilePath: Invalid value: "../Dockerfile": dockerfilePath must be a relative path within your source location']],
    ['an absolute Dockerfile', { dockerStrategy: { dockerfilePath: '/Dockerfile' } }, ['spec.strategy.dockerStrategy.dockerfilePath: Invalid value: "/Dockerfile": dockerfilePath must be a relative path within your source location']],
    ['another policy', { dockerStrategy: { imageOptimizationPolicy: 'Squash' as 'None' } }, ["spec.strategy.dockerStrategy.imageOptimizationPolicy: Invalid value: \"Squash\": must be unset, 'None', 'SkipLayers', or 'SkipLayersAndWarn'"]],
    ['S2I without an image', { sourceStrategy: {} as never }, ['spec.strategy.sourceStrategy.from: Required value']],
    ['a secret without a name', { sourceStrategy: { from, pullSecret: { name: '' } } }, ['spec.strategy.sourceStrategy.pullSecret.name: Required value']],
    ['a variable without a name', { sourceStrategy: { from, env: [{ name: '' }] } }, ['spec.strategy.sourceStrategy.env[0].name: Required value']],
    ['a variable from resources', { customStrategy: { from, env: [{ name: 'A', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } }] } }, ['spec.strategy.customStrategy.env[0].valueFrom.ResourceFieldRef: Invalid value: "A": ResourceFieldRef is not valid for valueFrom in build environment variables']],
    ['a kind', { sourceStrategy: { from: { kind: 'ImageStream', name: 'a' } } }, ["spec.strategy.sourceStrategy.from.kind: Invalid value: \"ImageStream\": must be 'ImageStreamTag', 'ImageStreamImage', or 'DockerImage'"]],
    ['a tag', { sourceStrategy: { from: { kind: 'ImageStreamTag', name: 'a' } } }, ['spec.strategy.sourceStrategy.from.name: Invalid value: "a": must be <name>:<tag>']],
    ['a stream', { sourceStrategy: { from: { kind: 'ImageStreamTag', name: 'A:1' } } }, ['spec.strategy.sourceStrategy.from.name: Invalid value: "A": invalid name syntax']],
    ['a project for a pull specification', { sourceStrategy: { from: { kind: 'DockerImage', namespace: 'x', name: 'a' } } }, ["spec.strategy.sourceStrategy.from.namespace: Invalid value: \"x\": not valid when used with a 'DockerImage'"]],
    ['volumes', { dockerStrategy: { volumes: [volume, { ...volume, mounts: [{ destinationPath: 'rel' }] }, { name: 'csi', source: { type: 'CSI', csi: { driver: 'x' } }, mounts: [] }] } }, [
      'spec.strategy.dockerStrategy.volumes[1].name: Duplicate value: "settings"', "spec.strategy.dockerStrategy.volumes[1].mounts[0].destinationPath: Invalid value: \"rel\": must be an absolute path without ':' and '..'",
      'spec.strategy.dockerStrategy.volumes[2].source.csi: Forbidden: there are no CSI drivers here; use a Secret or a ConfigMap', 'spec.strategy.dockerStrategy.volumes[2].mounts: Required value',
    ]],
  ])('%s', (_, strategy, errors) => {
    expect(errorsOf({ strategy })).toEqual(errors);
  });

  test('Jenkins pipelines are refused with the way out', () => {
    expect(errorsOf({ strategy: { jenkinsPipelineStrategy: { jenkinsfile: 'node {}' } } }).join()).toMatch(/^spec\.strategy\.jenkinsPipelineStrategy: Forbidden: .*deprecated.*Source or Docker strategy.*Generic webhook/);
  });
});

describe('the rest', () => {
  test.each<[string, Partial<CommonBuildSpec>, string[]]>([
    ['an output', { output: { to: { kind: 'ImageStreamTag', name: 'web:latest' }, pushSecret: { name: 'push' }, imageLabels: [{ name: 'io.example.team', value: 'a' }] } }, []],
    ['an output elsewhere', { output: { to: { kind: 'DockerImage', name: 'registry.example.org:5000/team/web:1' } } }, []],
    ['an output by digest', { output: { to: { kind: 'ImageStreamImage', name: 'web@sha256:a' } } }, ["spec.output.to.kind: Invalid value: \"ImageStreamImage\": the target of build output must be an 'ImageStreamTag' or 'DockerImage'"]],
    ['an output of no kind', { output: { to: { name: 'web:1' } } }, ['spec.output.to.kind: Required value']],
    ['an output without a tag', { output: { to: { kind: 'ImageStreamTag', name: 'web' } } }, ['spec.output.to.name: Invalid value: "web": ImageStreamTag object references must be in the form <name>:<tag>']],
    ['labels', { output: { imageLabels: [{ name: '' }, { name: 'a' }, { name: 'a' }] } }, ['spec.output.imageLabels[0].name: Required value', 'spec.output.imageLabels[2].name: Invalid value: "a": duplicate name']],
    ['a deadline', { completionDeadlineSeconds: 0 }, ['spec.completionDeadlineSeconds: Invalid value: 0: completionDeadlineSeconds must be a positive integer greater than 0']],
    ['a hook', { postCommit: { script: 'x', command: ['y'] } }, ['spec.postCommit: Invalid value: "": cannot use command and script together']],
    ['a node selector', { nodeSelector: { disk: 'fast', 'no key': 'x' } }, ['spec.nodeSelector[no key]: Invalid value: "x": must be a valid node selector']],
  ])('%s', (_, spec, errors) => {
    expect(errorsOf(spec)).toEqual(errors);
  });

  test.each<[string, BuildTriggerPolicy[], string[]]>([
    ['every type', [{ type: 'ConfigChange' }, { type: 'ImageChange' }, { type: 'GitHub', github: { secret: 's' } }, { type: 'GitLab', gitlab: { secretReference: { name: 's' } } }, { type: 'Bitbucket', bitbucket: { secret: 's' } }, { type: 'Generic', generic: { secret: 's', allowEnv: true } }], []],
    ['words of before', [{ type: 'github' as 'GitHub', github: { secret: 's' } }, { type: 'imageChange' as 'ImageChange' }], []],
    ['no type', [{} as BuildTriggerPolicy], ['spec.triggers[0].type: Required value']],
    ['another type', [{ type: 'Svn' as 'GitHub' }], ['spec.triggers[0].type: Invalid value: "Svn": invalid trigger type']],
    ['a hook that is missing', [{ type: 'GitHub' }], ['spec.triggers[0].github: Required value']],
    ['a hook without a secret', [{ type: 'Generic', generic: {} }], ['spec.triggers[0].generic: Invalid value: "": must provide a value for at least one of secret or secretReference']],
    ['a reference without a name', [{ type: 'GitLab', gitlab: { secretReference: { name: '' } } }], ['spec.triggers[0].gitlab.secretReference.name: Required value']],
    ['variables by a provider', [{ type: 'GitHub', github: { secret: 'hidden', allowEnv: true } }], ['spec.triggers[0].github.allowEnv: Invalid value: true: git webhooks cannot allow env vars']],
    ['two for one tag', [{ type: 'ImageChange' }, { type: 'ImageChange', imageChange: { from } }], ['spec.triggers: Invalid value: "": multiple ImageChange triggers refer to the same image stream tag']],
    ['an image by digest', [{ type: 'ImageChange', imageChange: { from: { kind: 'ImageStreamImage', name: 'a@b' } } }], ['spec.triggers[0].imageChange.from.kind: Invalid value: "ImageStreamImage": only an ImageStreamTag type of reference is allowed in an ImageChange trigger.']],
  ])('triggers: %s', (_, triggers, errors) => {
    const config: BuildConfig = { apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name: 'web', namespace: 'demo' }, spec: { strategy: { sourceStrategy: { from } }, triggers: copyJson(triggers) } };
    defaultTriggers(config.spec.triggers ?? []);
    expect(validateTriggers(config).map(({ field, message }) => `${field}: ${message}`)).toEqual(errors);
  });

  test('a default trigger needs a tag to watch', () => {
    const config: BuildConfig = { apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name: 'web', namespace: 'demo' }, spec: { strategy: { dockerStrategy: {} }, triggers: [{ type: 'ImageChange', imageChange: {} }] } };
    expect(validateTriggers(config)[0]?.message).toBe('Invalid value: "build from: ": a default ImageChange trigger can only be used when the build strategy includes an ImageStreamTag reference.');
  });
});
