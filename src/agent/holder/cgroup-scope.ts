/**
 * How an agent comes to have control groups to give to its containers. Nobody may put processes into a group of another's part of the tree, so the agent has to be started in its own:
 *
 *   by systemd    `systemd-run --user --scope -p Delegate=yes`: the user's service manager hands out a part of its own
 *   given         `SLIPWAY_CGROUP=/sys/fs/cgroup/<group>`: a group this user may write, below which it was started (a development container, a service)
 *
 * Where neither works, memory is watched, and processes that use more than their share of the processors are stopped and continued (shim/throttle.ts).
 */
import { userInfo } from 'node:os';
import { agentGroup } from '../runtime/cgroup.ts';
import { run } from '../runtime/run.ts';
import { findProgram, systemEnvironment } from '../runtime/system-path.ts';

export interface CgroupScope {
  /** Memory and CPU limits are both held to by the kernel. */
  whole: boolean;
  /** How limits are held to, for people. */
  detail: string;
  /** One line that brings more; absent where everything is there. */
  fix?: string;
  /** Command line and variables that run `argv` in a group of its own. */
  command(argv: readonly string[]): readonly string[];
  environment: Record<string, string>;
}

/** `$1` base or empty for the group of this process. What follows runs in `<base>/slipway-agent`, whatever could not be had: the agent looks for itself. */
const enter = `
base=$1; shift
[ -n "$base" ] || base=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
hand() { for one in memory pids cpu; do echo "+$one" > "$1/cgroup.subtree_control"; done; }
# Not where version 1 is mounted: what is made there would be plain folders.
{ [ -e "$(dirname "$base")/cgroup.controllers" ] && hand "$(dirname "$base")"; [ -e "$(dirname "$base")/cgroup.controllers" ] && mkdir -p "$base/${agentGroup}" && echo 0 > "$base/${agentGroup}/cgroup.procs" && hand "$base"; } 2>/dev/null
exec "$@"
`;

/** Run in the scope: which controllers it could hand on. */
const tell = `cat "/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/../cgroup.subtree_control"`;

export async function findCgroupScope(variables: NodeJS.ProcessEnv = process.env): Promise<CgroupScope> {
  const plain = (why: string, fix?: string): CgroupScope => ({ whole: false, detail: `memory limits by watching, CPU limits by stopping and continuing: ${why}`, ...(fix && { fix }), command: (argv) => argv, environment: {} });
  if (process.platform !== 'linux') return { ...plain(''), detail: 'memory and CPU limits not at all: both need Linux' };
  const given = variables['SLIPWAY_CGROUP'];
  if (given) {
    const scope = inShell(['sh'], `${given.replace(/\/+$/, '')}/slipway`, {}, `limits by the kernel, in ${given}`);
    return (await works(scope)) ?? plain(`${given} hands on no memory controller, or this process was not started below it`, `as root: mkdir ${given}; chown -R ${userInfo().username} ${given}; echo +memory +pids +cpu > ${given}/cgroup.subtree_control; and start from a shell in ${given}`);
  }
  if (!findProgram('systemd-run')) return plain('this system has no service manager of systemd, and SLIPWAY_CGROUP names no group');
  const runtimeFolder = variables['XDG_RUNTIME_DIR'] ?? `/run/user/${userInfo().uid}`;
  const environment = { XDG_RUNTIME_DIR: runtimeFolder, DBUS_SESSION_BUS_ADDRESS: variables['DBUS_SESSION_BUS_ADDRESS'] ?? `unix:path=${runtimeFolder}/bus` };
  const scope = inShell(['systemd-run', '--user', '--scope', '--quiet', '--collect', '--description=Slipway node', '-p', 'Delegate=yes', '--', 'sh'], '', environment, 'limits by the kernel, in a scope of systemd');
  return (await works(scope)) ?? plain("the user's service manager gives no group with a memory controller", 'loginctl enable-linger; and log in anew where control groups of version 1 are used');
}

function inShell(shell: readonly string[], base: string, environment: Record<string, string>, detail: string): CgroupScope {
  return { whole: true, detail, environment, command: (argv) => [...shell, '-c', enter, 'sh', base, ...argv] };
}

/** By doing it. */
async function works(scope: CgroupScope): Promise<CgroupScope | undefined> {
  try {
    const handed = (await run(scope.command(['sh', '-c', tell]), { env: { ...systemEnvironment, ...scope.environment }, timeout: 5000 })).trim().split(/\s+/);
    if (!handed.includes('memory')) return undefined;
    return handed.includes('cpu') ? scope : { ...scope, whole: false, detail: `${scope.detail}; CPU limits by stopping and continuing, since its controller is not handed on`, fix: 'as root: mkdir -p /etc/systemd/system/user@.service.d; printf "[Service]\\nDelegate=cpu cpuset io memory pids\\n" > /etc/systemd/system/user@.service.d/delegate.conf; systemctl daemon-reload; then log in anew' };
  } catch {
    return undefined;
  }
}
