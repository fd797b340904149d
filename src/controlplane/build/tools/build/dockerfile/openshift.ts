/** What a build config adds to its Dockerfile, as OpenShift's builder writes it in (openshift/builder, addBuildParameters). Pure. */
import type { Build } from '../../../../../api/kinds/build.ts';
import { generatedLabels, buildVariables } from '../labels.ts';
import type { Variable } from '../source/environment.ts';
import type { GitRevision } from '../source/git-fetch.ts';
import { parseInstruction, type Instruction } from './instruction.ts';

export interface Additions {
  build: Build;
  revision: GitRevision | undefined;
  /** Of the strategy, resolved. */
  env: readonly Variable[];
  escape: string;
}

/** `ENV` of the strategy after every `FROM`; at the end `ENV` and `LABEL` that say where the image comes from. */
export function withAdditions(instructions: readonly Instruction[], { build, revision, env, escape }: Additions): Instruction[] {
  const line = (keyword: string, pairs: readonly Variable[]): Instruction[] =>
    pairs.length === 0 ? [] : [parseInstruction({ number: 0, keyword, rest: pairs.map(({ name, value }) => `${quoted(name, escape)}=${quoted(value, escape)}`).join(' '), heredocs: [] }, escape)];
  const given = line('ENV', env);
  // OpenShift says neither of images that a Dockerfile made.
  const { 'io.openshift.build.image': _image, 'io.k8s.display-name': _name, ...generated } = generatedLabels(build, revision, '');
  const labels = new Map(Object.entries(generated));
  for (const { name, value } of build.spec.output?.imageLabels ?? []) if (name !== '') labels.set(name, value ?? '');
  return [
    ...instructions.flatMap((one) => (one.keyword === 'FROM' ? [one, ...given] : [one])),
    ...line('ENV', buildVariables(build, revision)),
    ...line('LABEL', [...labels].map(([name, value]) => ({ name, value }))),
  ];
}

function quoted(text: string, escape: string): string {
  return `"${[...text].map((one) => (one === '"' || one === '$' || one === escape ? escape + one : one)).join('')}"`;
}
