/** What cases look with: a platform, and a folder that this machine and pods share. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pods, type Pod } from '../../../src/api/kinds/core.ts';
import type { Connection } from '../../../src/client/connection.ts';
import { eventually, type Platform, type Result } from '../platform/platform.ts';
import type { DriverName } from './contract.ts';

type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

export interface DriverBed {
  readonly driver: DriverName;
  readonly platform: Platform;
  /** On this machine; everybody may write there. */
  readonly shared: string;
  /** Lines of a file there; none while it is not there. */
  lines(file: string): string[];
  pod(name: string): Promise<Pod>;
  until(name: string, what: string, holds: (pod: Pod) => boolean): Promise<Pod>;
  ready(name: string): Promise<Pod>;
  /** Of all its containers, by name. */
  states(name: string, what: string, holds: (of: Record<string, ContainerStatus>) => boolean): Promise<Record<string, ContainerStatus>>;
  /** What a script that is `told` printed, once it has. */
  told(name: string, container?: string): Promise<string>;
  exec(name: string, ...argv: string[]): Promise<Result>;
  /** `kubectl <args>` with a terminal of 80 columns. */
  terminal(args: string): { output: string; code: number | null };
}

export function driverBed(driver: DriverName, platform: Platform, { client }: Connection): DriverBed {
  const shared = path.join(platform.user.home, 'shared');
  mkdirSync(shared, { recursive: true });
  platform.user.own(shared);
  chmodSync(shared, 0o777);
  const pod = (name: string) => client.get(pods, { namespace: 'default', name });
  const until = (name: string, what: string, holds: (pod: Pod) => boolean) => {
    let last: Pod | undefined;
    return eventually(`pod ${name}: ${what}`, async () => {
      last = await pod(name);
      return holds(last) ? last : undefined;
    }, 60_000).catch((error: Error) => {
      throw new Error(`${error.message}; its status: ${JSON.stringify(last?.status)}`, { cause: error });
    });
  };
  const statuses = ({ status }: Pod): Record<string, ContainerStatus> => Object.fromEntries([...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? []), ...(status?.ephemeralContainerStatuses ?? [])].map((one) => [one.name, one]));
  return {
    driver, platform, shared, pod, until,
    lines: (file) => (existsSync(path.join(shared, file)) ? readFileSync(path.join(shared, file), 'utf8').split('\n').filter(Boolean) : []),
    ready: (name) => until(name, 'it is ready', ({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false),
    states: async (name, what, holds) => statuses(await until(name, what, (one) => holds(statuses(one)))),
    told: (name, container = 'main') => eventually(`${container} of ${name} says all`, async () => /^([^]*)over\n$/.exec(await platform.kube('logs', name, '-c', container))?.[1], 60_000),
    exec: (name, ...argv) => platform.kubectl(['exec', name, '--', ...argv]),
    terminal(args) {
      // Its own terminal echoes the end of the input, wherever that comes.
      const { stdout, status } = spawnSync('script', ['-qfec', `stty cols 80 rows 30; kubectl ${args}`, '/dev/null'], { env: { ...process.env, KUBECONFIG: platform.kubeconfig, SHELL: '/bin/sh' }, encoding: 'utf8', input: '' });
      return { output: stdout.replaceAll('^@', ''), code: status };
    },
  };
}
