/** What the engine is told of a container. Pure. */
import { containerCommand } from '../command.ts';
import { RuntimeFailure, type ContainerConfig, type ContainerLimits, type Mount } from '../runtime.ts';
import type { RunnableImage } from './engine-images.ts';
import { buildVolume, engineLabels, type ContainerMark, type EngineRole } from './labels.ts';

export interface Owner {
  home: string;
  node: string;
}

export function ownLabels({ home, node }: Owner, role: EngineRole, more: Record<string, string> = {}): Record<string, string> {
  return { [engineLabels.home]: home, [engineLabels.node]: node, [engineLabels.role]: role, ...more };
}

export interface BodyParts {
  engine: 'docker' | 'podman';
  owner: Owner;
  config: ContainerConfig;
  image: RunnableImage;
  mark: ContainerMark;
  sandboxId: string;
  hostname: string;
  /** The container whose processes it joins. */
  processes?: string;
  /** `hosts` and `resolv.conf` of the pod, and what else is bound for every container of it. */
  generated: { source: string; target: string }[];
  /** A path of this machine as the engine names it; below the agent's own folders it may be labelled for SELinux. */
  place(path: string): { source: string; own: boolean };
}

/** A build mounts in a user and mount namespace of its own. Where none can be made it says itself what it cannot do. */
const enter = 'mkdir -p "$SLIPWAY_BUILD_FOLDER" "$SLIPWAY_BUILD_CACHE"; unshare -Urm --propagation private true 2>/dev/null && exec unshare -Urm --propagation private -- "$@"; exec "$@"';
const inNamespaces = ['sh', '-c', enter, 'sh'];

/** The engine's own bound on processes is none. */
const mostProcesses = 4096;
/** What an engine keeps of a container's output before it begins anew; our own copy is rotated as a kubelet's. */
const engineLog = { docker: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } }, podman: { Type: 'k8s-file' } };

export function containerBody(parts: BodyParts): Record<string, unknown> {
  const { engine, owner, config, image, mark, sandboxId, hostname, processes, generated, place } = parts;
  const given = containerCommand(config, image.config);
  const command = config.buildPowers ? [...inNamespaces, ...given] : given;
  if (given.length === 0) throw new RuntimeFailure('CreateContainerError', 'no command is given, neither by the pod nor by the image');
  const { uid, gid } = config.user ?? {};
  const user = config.buildPowers ? '0:0' : uid === undefined ? (gid === undefined ? undefined : `${image.config.user?.split(':')[0] || '0'}:${gid}`) : `${uid}${gid === undefined ? '' : `:${gid}`}`;
  const taken = new Set(config.mounts.map(({ containerPath }) => containerPath));
  const workingDir = config.workingDir || image.config.workingDir;
  return {
    Image: image.name,
    Entrypoint: command.slice(0, 1),
    Cmd: command.slice(1),
    Env: environment(image.config.env, [...config.env, ...(mark.build === undefined ? [] : [{ name: 'SLIPWAY_BUILD_FOLDER', value: `/build/${mark.build}` }, { name: 'SLIPWAY_BUILD_CACHE', value: '/build/cache' }])]),
    // Docker takes the name of the network's owner, and refuses another.
    ...(engine === 'podman' && { Hostname: hostname }),
    ...(user !== undefined && { User: user }),
    ...(workingDir !== undefined && { WorkingDir: workingDir }),
    Tty: config.tty,
    OpenStdin: config.stdin,
    StdinOnce: config.stdinOnce,
    AttachStdin: config.stdin,
    AttachStdout: true,
    AttachStderr: true,
    Labels: ownLabels(owner, 'container', { [engineLabels.sandbox]: sandboxId, [engineLabels.container]: JSON.stringify(mark) }),
    HostConfig: {
      NetworkMode: `container:${sandboxId}`,
      IpcMode: `container:${sandboxId}`,
      ...(processes !== undefined && { PidMode: `container:${processes}` }),
      Binds: [
        ...image.binds,
        ...generated.filter(({ target }) => !taken.has(target)).map(({ source, target }) => bind({ hostPath: source, containerPath: target, readOnly: false }, place)),
        ...config.mounts.map((mount) => bind(mount, place)),
        ...(config.buildPowers ? [`${buildVolume(owner.home, owner.node)}:/build`] : []),
      ],
      ...limits(config),
      ReadonlyRootfs: config.readOnlyRootFilesystem,
      SecurityOpt: securityOptions(engine, config.buildPowers, image.hostPaths !== undefined),
      // What `docker run --security-opt systempaths=unconfined` sends: a fresh /proc can be mounted in the build's own namespaces.
      ...(config.buildPowers && engine === 'docker' && { MaskedPaths: [], ReadonlyPaths: [] }),
      LogConfig: engineLog[engine],
      RestartPolicy: { Name: 'no' },
    },
  };
}

/** The engine would hand on both of two equal names. */
function environment(image: readonly string[], pod: ContainerConfig['env']): string[] {
  const all = new Map(image.filter((text) => text.includes('=')).map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)] as const));
  for (const { name, value } of pod) all.set(name, value);
  return [...all].map(([name, value]) => `${name}=${value}`);
}

/** Swap beside it would make the limit mean nothing. */
function limits({ processLimit, ...config }: Pick<ContainerConfig, 'memoryLimit' | 'cpuLimit' | 'cpuRequest' | 'processLimit'>): Record<string, number> {
  return { ...resourceLimits(config), PidsLimit: processLimit || mostProcesses };
}

export function resourceLimits({ memoryLimit, cpuLimit, cpuRequest = 0 }: ContainerLimits): Record<string, number> {
  return {
    ...(memoryLimit > 0 && { Memory: memoryLimit, MemorySwap: memoryLimit }),
    ...(cpuLimit > 0 && { NanoCpus: cpuLimit * 1_000_000 }),
    ...(cpuRequest > 0 && { CpuShares: Math.max(2, Math.floor((cpuRequest * 1024) / 1000)) }),
  };
}

function bind({ hostPath, containerPath, readOnly }: Pick<Mount, 'hostPath' | 'containerPath' | 'readOnly'>, place: BodyParts['place']): string {
  const { source, own } = place(hostPath);
  const options = [readOnly ? 'ro' : 'rw', ...(own ? ['z'] : [])];
  if (source.replace(/^[A-Za-z]:/, '').includes(':') || containerPath.includes(':')) throw new RuntimeFailure('CreateContainerError', `a container engine cannot mount "${hostPath}" at "${containerPath}": a colon separates the two`);
  return `${source}:${containerPath}:${options.join(',')}`;
}

/**
 * Builds make namespaces of their own inside, which the default profiles of engines forbid; they get no power over this machine for it: no capability beyond
 * an ordinary container's, no device. This machine's folders keep their labels, so containers that see them run without SELinux separation.
 */
function securityOptions(engine: 'docker' | 'podman', build: boolean, hostFolders: boolean): string[] {
  return [
    'no-new-privileges',
    ...(build ? ['seccomp=unconfined', 'apparmor=unconfined', ...(engine === 'podman' ? ['unmask=ALL'] : [])] : []),
    ...(build || hostFolders ? ['label=disable'] : []),
  ];
}
