/** Labels and variables of the image a build makes. */
import { readFile } from 'node:fs/promises';
import { withoutPassword } from '../../../../api/shown-url.ts';
import type { Build } from '../../../../api/kinds/build.ts';
import type { RootFiles } from './root/build-root.ts';
import type { GitRevision } from './source/git-fetch.ts';
import { commitFailed } from './failure.ts';
import type { Variable } from './source/environment.ts';

/** Source-to-Image refuses more, since engines do. */
const labelLimit = 10_240;

/** `io.openshift.build.*` and the display name. */
export function generatedLabels(build: Build, revision: GitRevision | undefined, builder: string): Record<string, string> {
  const { source = {}, output } = build.spec;
  const labels: Record<string, string | undefined> = {
    'io.openshift.build.name': build.metadata.name,
    'io.openshift.build.namespace': build.metadata.namespace,
    'io.openshift.build.image': builder,
    'io.openshift.build.source-location': source.git && withoutPassword(source.git.uri),
    'io.openshift.build.source-context-dir': source.contextDir || undefined,
    'io.openshift.build.commit.id': revision?.commit,
    'io.openshift.build.commit.author': revision && `${revision.author.name} <${revision.author.email}>`,
    'io.openshift.build.commit.date': revision?.date,
    'io.openshift.build.commit.message': revision?.message,
    'io.openshift.build.commit.ref': revision && (source.git?.ref ?? 'HEAD'),
    'io.k8s.display-name': output?.to?.name?.replace(/^[^/]*\//, '') ?? build.metadata.name,
  };
  return Object.fromEntries(Object.entries(labels).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Lowest first: the builder's own are merged below by the image; then generated ones, what assemble left, and the build config's. */
export function mergeLabels(generated: Record<string, string>, fromAssemble: Record<string, string>, configured: readonly { name: string; value?: string }[]): Record<string, string> {
  const merged = { ...generated, ...fromAssemble };
  for (const { name, value } of configured) if (name !== '') merged[name] = value ?? '';
  const size = Object.entries(merged).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (size > labelLimit) throw commitFailed(`the labels have ${size} bytes, at most ${labelLimit} fit; shorten spec.output.imageLabels or what assemble writes to /tmp/.s2i/image_metadata.json`);
  return merged;
}

/** `/tmp/.s2i/image_metadata.json`: `{"labels":[{"name":"value"}, …]}`. A file that is not of this form fails the build. */
export async function readImageMetadata(root: RootFiles): Promise<Record<string, string>> {
  const found = await root.find('/tmp/.s2i/image_metadata.json');
  if (!found?.stat.isFile()) return {};
  try {
    const { labels = [] } = JSON.parse(await readFile(found.path, 'utf8')) as { labels?: Record<string, unknown>[] };
    return Object.fromEntries(labels.flatMap((one) => Object.entries(one)).map(([name, value]) => [name, String(value)]));
  } catch (error) {
    throw commitFailed(`/tmp/.s2i/image_metadata.json, written by assemble, cannot be read: ${(error as Error).message}`);
  }
}

/** OpenShift's own variables of a build; they stay in the image. */
export function buildVariables(build: Build, revision: GitRevision | undefined): Variable[] {
  const git = build.spec.source?.git;
  const all: [string, string | undefined][] = [
    ['OPENSHIFT_BUILD_NAME', build.metadata.name],
    ['OPENSHIFT_BUILD_NAMESPACE', build.metadata.namespace],
    ['OPENSHIFT_BUILD_SOURCE', git && withoutPassword(git.uri)],
    ['OPENSHIFT_BUILD_REFERENCE', git?.ref],
    ['OPENSHIFT_BUILD_COMMIT', revision?.commit],
  ];
  return all.flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
}
