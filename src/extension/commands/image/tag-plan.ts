/** Tags and imports as the API takes them: pure. */
import type { ImageStreamImport, ImageStreamTag } from '../../../api/kinds/image.ts';
import type { KubeObject } from '../../../api/meta.ts';

export interface TagName {
  stream: string;
  tag: string;
}

const streamRule = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagRule = /^[\w][\w.-]{0,127}$/;

/** `web:v1`; without a tag `latest`. */
export function parseTagName(text: string): TagName | undefined {
  const [stream = '', tag = 'latest', ...more] = text.split(':');
  return more.length === 0 && streamRule.test(stream) && tagRule.test(tag) ? { stream, tag } : undefined;
}

/** Lets `to` lead to an image that `from` has or had. */
export function tagOf(namespace: string, to: TagName, from: { namespace: string; stream: string; digest: string }): ImageStreamTag {
  return {
    apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamTag', metadata: { name: `${to.stream}:${to.tag}`, namespace },
    tag: { name: to.tag, from: { kind: 'ImageStreamImage', namespace: from.namespace, name: `${from.stream}@${from.digest}` }, referencePolicy: { type: 'Source' } },
  } as ImageStreamTag;
}

export interface ImportOptions {
  /** Asked for again from time to time. */
  scheduled?: boolean;
  /** Over HTTP, or with a certificate that nobody vouches for. */
  insecure?: boolean;
}

export function importOf(namespace: string, to: TagName, pullSpec: string, { scheduled = false, insecure = false }: ImportOptions): KubeObject & { spec: object } {
  return {
    apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamImport', metadata: { name: to.stream, namespace },
    spec: {
      import: true,
      images: [{ from: { kind: 'DockerImage', name: pullSpec }, to: { name: to.tag }, importPolicy: { ...(scheduled && { scheduled }), ...(insecure && { insecure }) }, referencePolicy: { type: 'Source' } }],
    },
  };
}

/** Why an import failed, by the answer of the API. */
export function importFailure(answer: Pick<ImageStreamImport, 'status'>): string | undefined {
  const failed = answer.status?.images?.find(({ status }) => status.status === 'Failure')?.status;
  return failed && (failed.message ?? failed.reason ?? 'Failure');
}

/** `team/app` of `quay.io/team/app:1` becomes `app:1`. */
export function proposedName(pullSpec: string): string {
  const last = pullSpec.replace(/@.*$/, '').split('/').at(-1) ?? '';
  const [name = '', tag = 'latest'] = last.split(':');
  return `${name.toLowerCase().replace(/[^a-z0-9-]+/g, '-').replace(/^-+|-+$/g, '')}:${tag}`;
}
