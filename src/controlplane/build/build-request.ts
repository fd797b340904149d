/** Requests for builds as they come in. */
import type { BuildRequest, SourceControlUser } from '../../api/kinds/build.ts';
import type { KubeObject } from '../../api/meta.ts';
import { badRequest } from '../../api/status.ts';
import { inputAnnotation } from './instantiate-plan.ts';

/** Clients may send no body at all; one for another object is a mistake. Labels and annotations of a request stay with it. */
export function requestFor(name: string, body: KubeObject | undefined): BuildRequest {
  const request = (body ?? { apiVersion: 'build.openshift.io/v1', kind: 'BuildRequest', metadata: { name } }) as BuildRequest;
  const asked = request.metadata?.name;
  if (asked && asked !== name) throw badRequest(`the name of the request ("${asked}") does not match the name in the URL ("${name}")`);
  const { annotations, labels } = request.metadata ?? {};
  // What leads to files of this machine is not taken from outside.
  const { [inputAnnotation]: _input, ...own } = annotations ?? {};
  return { ...request, metadata: { name, ...(labels && { labels }), ...(Object.keys(own).length > 0 && { annotations: own }) } };
}

/** BinaryBuildRequestOptions, which come as a query. Throws 400 before anything is uploaded. */
export function binaryOptions(query: URLSearchParams): Pick<BuildRequest, 'binary' | 'revision'> {
  const asFile = query.get('asFile') ?? '';
  if (/[/\\]/.test(asFile) || asFile === '.' || asFile === '..') throw badRequest(`asFile: "${asFile}" may not contain slashes or be '.' or '..'`);
  const commit = query.get('revision.commit');
  const message = query.get('revision.message');
  const author = userIn(query, 'author');
  const committer = userIn(query, 'committer');
  return {
    binary: asFile ? { asFile } : {},
    ...(commit && { revision: { type: 'Git', git: { commit, ...(author && { author }), ...(committer && { committer }), ...(message && { message }) } } }),
  };
}

function userIn(query: URLSearchParams, role: 'author' | 'committer'): SourceControlUser | undefined {
  const name = query.get(`revision.${role}Name`);
  const email = query.get(`revision.${role}Email`);
  return name || email ? { ...(name && { name }), ...(email && { email }) } : undefined;
}
