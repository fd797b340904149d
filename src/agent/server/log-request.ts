/** Which log a request means, or why there is none (kubelet `validateContainerLogStatus`). */
import type { ContainerStatus, Pod } from '../../api/kinds/core.ts';
import { badRequest, notFound } from '../../api/status.ts';
import { pods } from '../../api/kinds/core.ts';
import { instancesOf, type ObservedContainer, type ObservedPod } from '../pods/pod-view.ts';
import type { LogOptions } from './log-reader.ts';

export function logInstance(pod: Pod | undefined, name: { pod: string; container: string }, status: ContainerStatus | undefined, observed: ObservedPod, previous: boolean): ObservedContainer {
  const text = `container "${name.container}" in pod "${name.pod}"`;
  if (!pod) throw notFound(pods, name.pod);
  const instances = instancesOf(observed, name.container);
  const [newest] = instances;
  if (previous) {
    // While the next start is held back, the instance that ended is both the newest and the previous one.
    const ended = newest && newest.state !== 'running' && status?.state?.waiting ? newest : instances[1];
    if (!ended) throw badRequest(`previous terminated ${text} not found`);
    return ended;
  }
  if (newest && newest.state !== 'created') return newest;
  const reason = status?.state?.waiting?.reason;
  if (reason === 'ErrImagePull' || reason === 'ImagePullBackOff') throw badRequest(`${text} is waiting to start: ${reason === 'ErrImagePull' ? "image can't be pulled" : 'trying and failing to pull image'}`);
  if (reason) throw badRequest(`${text} is waiting to start: ${reason}`);
  throw badRequest(status ? `${text} is not available` : `${text} is waiting to start: ContainerCreating`);
}

export function logOptions(query: URLSearchParams, now: Date): LogOptions {
  const flag = (name: string) => ['true', '1'].includes(query.get(name) ?? '');
  const number = (name: string) => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    const value = Number(text);
    if (!Number.isInteger(value) || value < 0) throw badRequest(`${name} must be a whole number of 0 or more, not ${JSON.stringify(text)}`);
    return value;
  };
  const [tailLines, limitBytes, sinceSeconds] = [number('tailLines'), number('limitBytes'), number('sinceSeconds')];
  const sinceTime = query.get('sinceTime') ? Date.parse(query.get('sinceTime') ?? '') : undefined;
  const since = sinceTime ?? (sinceSeconds === undefined ? undefined : now.getTime() - sinceSeconds * 1000);
  return {
    follow: flag('follow'),
    timestamps: flag('timestamps'),
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(since !== undefined && !Number.isNaN(since) && { since }),
  };
}
