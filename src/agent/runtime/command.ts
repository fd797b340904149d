/** What runs in a container: image and pod combined (Kubernetes docs, "Define a Command and Arguments for a Container"; runtime defaults as CRI-O's). Pure. */
import type { ContainerConfig, ImageInfo } from './runtime.ts';

export function containerCommand(config: Pick<ContainerConfig, 'command' | 'args'>, image: ImageInfo['config']): string[] {
  const command = config.command?.length ? config.command : image.entrypoint;
  const args = config.args?.length ? config.args : config.command?.length ? [] : image.cmd;
  return [...command, ...args];
}

export interface EnvironmentDefaults {
  hostname: string;
  home: string;
  tty: boolean;
}

/** Later ones win: defaults, image, pod. Names keep the order in which they first came. */
export function containerEnvironment(image: readonly string[], pod: ContainerConfig['env'], defaults: EnvironmentDefaults): Map<string, string> {
  const result = new Map([
    ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    ['HOSTNAME', defaults.hostname],
    ['HOME', defaults.home],
    ...(defaults.tty ? [['TERM', 'xterm'] as const] : []),
  ]);
  for (const text of image) {
    const at = text.indexOf('=');
    if (at > 0) result.set(text.slice(0, at), text.slice(at + 1));
  }
  for (const { name, value } of pod) result.set(name, value);
  return result;
}
