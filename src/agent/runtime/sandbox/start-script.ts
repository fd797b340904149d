/** The programs that turn a process into a container: written out as shell text, so that what happens can be read in the container's folder. Pure. */
import { shellQuote } from '../run.ts';
import { shimDescriptors } from '../../../protocol/shim.ts';
import type { Kit } from './kit.ts';

const { report, handOver } = shimDescriptors;
/** Held open over the change of the root, where the new /proc has no such process. */
const usersFile = 8;

export interface StartPlan {
  /** Overlay mount options; without, the root holds a copy already. Relative lower folders are looked up in `layers`. */
  overlay?: string;
  layers: string;
  root: string;
  /** Missing mount points, absolute on this machine, made after the overlay is there. */
  directories: string[];
  files: string[];
  table: string;
  readOnlyRoot: boolean;
  uid: number;
  gid: number;
  workingDir: string;
  command: string[];
  /** A process in the user namespace to enter, which knows several users; else a new one is made, whose only user is `uid`. */
  users?: number | undefined;
  /** Keep the powers over namespaces of its own instead of dropping all. */
  buildPowers: boolean;
  /** Folder of the container's control group. */
  group?: string | undefined;
  /** See `ContainerConfig.processLimit`; builds have none. */
  processLimit?: number | undefined;
}

/** The overlay is mounted by itself only if something has to be made in it before the rest; else it is the table's first line. */
export function overlayFirst({ directories, files }: Pick<StartPlan, 'directories' | 'files'>): boolean {
  return directories.length > 0 || files.length > 0;
}

/**
 * Runs as process 1 of a new pid and mount namespace, with powers over the holder's: mounts, changes the root, then gives up every power in a user namespace
 * of its own and becomes the application. The old root is gone before anything of the image runs.
 */
export function startScript(plan: StartPlan, kit: Kit): string {
  const q = shellQuote;
  const words = (list: readonly string[]) => list.map(q).join(' ');
  const namespace = plan.buildPowers
    ? [...(plan.users === undefined ? [...kit.tool('unshare'), '-Urm'] : [...kit.tool('nsenter'), `--user=/proc/self/fd/${usersFile}`, ...kit.tool('unshare'), '-m']), '--propagation', 'private', ...kit.tool('setpriv'), '--no-new-privs']
    : [
        ...kit.tool('unshare'), '-U', `--map-user=${plan.uid}`, `--map-group=${plan.gid}`, '--keep-caps',
        ...kit.tool('setpriv'), '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all',
      ];
  return [
    'exec 2>&9 9>&-',
    // This /proc is still the holder's: the number is the one by which the shim knows this process.
    `read -r pid rest < /proc/self/stat; echo "pid $pid" >&${report}`,
    `fail() { text="$1: $2"; echo "error \${text%%\n*}" >&${report}; exit 128; }`,
    ...(plan.group === undefined ? [] : [`echo 0 > ${q(`${plan.group}/cgroup.procs`)} || fail "its control group" refused`]),
    ...(plan.users === undefined ? [] : [`[ -e /proc/${plan.users}/ns/user ] || fail "the users of the pod" gone`, `exec ${usersFile}</proc/${plan.users}/ns/user`]),
    'umask 022',
    `cd ${q(plan.layers)} || fail "the image's layers" gone`,
    ...(plan.overlay === undefined || !overlayFirst(plan) ? [] : [`out=$(mount -t overlay overlay -o ${q(plan.overlay)} ${q(plan.root)} 2>&1) || fail "the root file system" "$out"`]),
    ...(plan.directories.length > 0 ? [`mkdir -p ${words(plan.directories)} || fail "mount points" "could not be made"`] : []),
    ...plan.files.map((file) => `: > ${q(file)} || fail "mount points" "could not be made"`),
    `out=$(mount --all --fstab ${q(plan.table)} 2>&1) || fail "mounting" "$out"`,
    ...(plan.readOnlyRoot ? [`out=$(mount -o remount,bind,ro ${q(plan.root)} 2>&1) || fail "a read-only root" "$out"`] : []),
    `cd ${q(plan.root)} && pivot_root . . && ${words([...kit.tool('umount'), '-l', '.'])} && cd / || fail "changing the root" "refused"`,
    `exec ${words([...namespace, ...kit.tool('sh'), '-c', enterText(true, { processLimit: plan.processLimit }), 'slipway', plan.workingDir, ...plan.command])}`,
    '',
  ].join('\n');
}

/**
 * Waits outside for process 1 of the new pid namespace, which is this shell's only child, and passes on how it ended. With a terminal the child is a job of its own
 * (`sh -m`): its process group then has a number inside too, without which shells refuse job control. Said by a shell, unlike `unshare --fork`, signals become exit codes.
 * What the shell itself would say about them goes nowhere: the container's standard error waits on descriptor 9 for the child to take it.
 */
export const waitText = 'exec 9>&2 2>/dev/null; "$@"; exit $?';

/** Last step of start and exec, by the kit's shell inside the container: working directory, environment, then the application. Uses positional parameters only, since names belong to the application. */
export function enterText(reports: boolean, { tty = false, processLimit = 0 }: { tty?: boolean; processLimit?: number | undefined } = {}): string {
  const fail = (text: string, code: number) => (reports ? `{ echo "error ${text}" >&${report}; exit ${code}; }` : `{ echo "${text}" >&2; exit ${code}; }`);
  return [
    `cd -- "$1" 2>/dev/null || ${fail('the working directory $1 cannot be entered', 128)}`,
    'shift',
    `. /proc/self/fd/${handOver}`,
    `exec ${handOver}<&- ${usersFile}<&-`,
    ...(tty ? ['export TERM="${TERM:-xterm}"'] : []),
    `command -v -- "$1" >/dev/null || ${fail('exec: $1: executable file not found in PATH', reports ? 128 : 127)}`,
    ...(reports ? [`echo started >&${report}`, `exec ${report}>&-`] : []),
    // Counted in the container's own user namespace. Shells disagree on the letter; an owner of the machine's own root is not bound.
    ...(processLimit > 0 ? [`ulimit -u ${processLimit} 2>/dev/null || ulimit -p ${processLimit} 2>/dev/null`] : []),
    'exec "$@"',
  ].join('\n');
}

/**
 * The environment as shell text. It is read inside the container, just before the application: until then no variable of the application reaches a program with powers,
 * and none is seen in a command line. Names that a shell cannot export are handed over by `env`.
 */
export function environmentScript(environment: ReadonlyMap<string, string>, kit: Kit): string {
  const plain: string[] = [];
  const other: string[] = [];
  for (const [name, value] of environment) {
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !shellOwn.has(name)) plain.push(`export ${name}=${shellQuote(value)}`);
    else other.push(`${name}=${value}`);
  }
  // What the programs on the way needed, and what the shell itself set.
  const unset = 'unset OLDPWD PWD SHLVL _ SHELL LC_ALL TERM';
  // Only for a program that is there: `env` would tell of a missing one in its own words.
  const through = other.length > 0 ? [`command -v -- "$1" >/dev/null && set -- ${[...kit.tool('env'), ...other].map(shellQuote).join(' ')} "$@"`] : [];
  return [unset, ...plain, ...through, ''].join('\n');
}

/** Variables that a shell keeps for itself or refuses to have set. */
const shellOwn = new Set(['PPID', 'UID', 'EUID', 'BASHOPTS', 'SHELLOPTS', 'IFS', 'PS4', 'PWD', 'OLDPWD', 'OPTIND', '_']);
