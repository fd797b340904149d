/** What the runtime is told of one container, pure. */
import type { Container, Pod } from '../../api/kinds/core.ts';
import { milliOf, quantityOf } from '../../api/quantity.ts';
import { toolsImage } from '../../api/well-known.ts';
import { expand } from '../env/expand.ts';
import type { ContainerConfig, ContainerLimits, ImageInfo, Mount } from '../runtime/runtime.ts';
import { StartError } from './start-error.ts';

export interface ContainerParts {
  /** Id of the container whose processes it joins. */
  processesOf?: string;
  image: ImageInfo;
  env: { name: string; value: string }[];
  mounts: Mount[];
  attempt: number;
  logDirectory: string;
  /** 0: no bound of the node's. */
  podPids: number;
}

export function containerConfig(pod: Pod, container: Container, parts: ContainerParts): ContainerConfig {
  const security = container.securityContext;
  const user = { uid: security?.runAsUser ?? pod.spec.securityContext?.runAsUser, gid: security?.runAsGroup ?? pod.spec.securityContext?.runAsGroup };
  const nonRoot = security?.runAsNonRoot ?? pod.spec.securityContext?.runAsNonRoot;
  if (nonRoot) refuseRoot(container.name, user.uid, parts.image.config.user);
  const valueOf = (name: string) => parts.env.find((one) => one.name === name)?.value;
  const expanded = (words: readonly string[] | undefined) => words?.map((word) => expand(word, valueOf));
  const [command, args] = [expanded(container.command), expanded(container.args)];
  return {
    name: container.name,
    attempt: parts.attempt,
    imageId: parts.image.id,
    ...(command?.length && { command }),
    ...(args?.length && { args }),
    ...(container.workingDir && { workingDir: container.workingDir }),
    env: parts.env,
    mounts: parts.mounts,
    ports: (container.ports ?? []).map(({ containerPort }) => containerPort),
    ...((user.uid !== undefined || user.gid !== undefined) && { user: { ...(user.uid !== undefined && { uid: user.uid }), ...(user.gid !== undefined && { gid: user.gid }) } }),
    readOnlyRootFilesystem: security?.readOnlyRootFilesystem === true,
    ...(parts.processesOf !== undefined && { processesOf: parts.processesOf }),
    ...(container.lifecycle?.stopSignal && { stopSignal: container.lifecycle.stopSignal }),
    tty: container.tty === true,
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    ...limitsOf(container),
    ...(parts.podPids > 0 && { processLimit: parts.podPids }),
    // The built-in image holds the product's own programs only; nothing of a user's may mount.
    buildPowers: container.image === toolsImage && security?.privileged === true,
    logDirectory: parts.logDirectory,
  };
}

export function limitsOf({ resources }: Container): Required<ContainerLimits> {
  return { memoryLimit: quantityOf(resources?.limits?.['memory']), cpuLimit: milliOf(resources?.limits?.['cpu']), cpuRequest: milliOf(resources?.requests?.['cpu']) };
}

function refuseRoot(name: string, uid: number | undefined, imageUser: string | undefined): void {
  const [user = ''] = (imageUser ?? '').split(':');
  if (uid === 0) throw new StartError('CreateContainerConfigError', `container's runAsUser breaks non-root policy (container "${name}")`);
  if (uid !== undefined) return;
  if (user === '' || user === '0' || user === 'root') throw new StartError('CreateContainerConfigError', 'container has runAsNonRoot and image will run as root');
  if (!/^\d+$/.test(user)) throw new StartError('CreateContainerConfigError', `container has runAsNonRoot and image has non-numeric user (${user}), cannot verify user is non-root`);
}
