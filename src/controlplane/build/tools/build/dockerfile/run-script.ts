import { fillDev } from '../root/pause-script.ts';
import type { Ids } from './owners.ts';

/** Hundredths of a second: one that has not entered by then never will. */
const mostLooks = 2000;

/**
 * Starts one command of a Dockerfile in namespaces of its own. Two processes, joined by a pipe: the left one makes the mounts and moves the root over `/`, which hides
 * the old one for good; the right one is in another user namespace (`enter`), where it has no power over those mounts, waits for the left one to succeed, and becomes the command.
 * The root is moved once the right one is in its namespace: afterwards it would count as one that changed its root, which may make none (user_namespaces(7)).
 * Arguments: log file, root, three tables for `mount --all`, and the command with what leads to it.
 */
export const runScript = (enter: string) => `
log=$1 root=$2 needed=$3 wanted=$4 devices=$5
shift 5
{ mount -n --rbind "$root" "$root" && cd "$root"; } 2>"$log" || exit 125
{
  exec 2>>"$log"
  mount -n --all --fstab "$needed" || exit
  mount -n --all --fstab "$wanted" 2>/dev/null || :
  [ -r ./proc/self/stat ] || mount -n --rbind /proc ./proc || exit
  ${fillDev}
  looks=0
  until [ -e "$log.entered" ]; do looks=$((looks + 1)); [ $looks -lt ${mostLooks} ] || exit; sleep 0.01; done
  mount -n --move . / || exit
  echo go
} | ${enter} sh -c ': > "$0.entered"; read -r go || exit 125; exec 0</dev/null "$@"' "$log" "$@"
code=$?
[ $code = 125 ] || : > "$log.ran"
exit $code
`;

interface Inside {
  ids: Ids;
  /** A process in the user namespace that knows several users. */
  users: number | undefined;
}

/** Into that namespace, as its root; else into a new one, whose only user is who `USER` says. */
export function enterUsers({ ids, users }: Inside): string {
  return users === undefined ? `unshare --user --map-user=${ids.uid} --map-group=${ids.gid} --keep-caps` : `nsenter --user=/proc/${users}/ns/user`;
}

/** Docker's own set, as far as it is of use in a user namespace; over mounts and other namespaces the command has none. */
const powers = ['chown', 'dac_override', 'fowner', 'fsetid', 'kill', 'net_bind_service', 'setfcap', 'setgid', 'setpcap', 'setuid', 'sys_chroot'];

/** Variables that the loader and the C library act upon, in programs that still see this machine (glibc, sysdeps/generic/unsecvars.h). */
const unsafe = /^(?:LD_|GCONV_PATH$|GETCONF_DIR$|GLIBC_TUNABLES$|HOSTALIASES$|LOCALDOMAIN$|LOCPATH$|MALLOC_|NIS_PATH$|NLSPATH$|RESOLV_|RES_OPTIONS$|TMPDIR$|TZDIR$|BASH_FUNC_|ENV$|BASH_ENV$)/;

export interface Command extends Inside {
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  workingDir: string;
}

/** The words that end in the command: powers given up, the root changed, the environment set by a shell inside, where the image has one. `unshare`: path of that program, which `env` does not look for; it unshares nothing more, but changes root and folder. Throws if it has none and a variable needs it. */
export function commandWords({ argv, env, workingDir, ids, users }: Command, unshare: string, hasShell: boolean): string[] {
  const uid = users === undefined ? ids.uid : 0;
  // Where several users are known the command becomes one of them last, and gives up every power by that if it is not root.
  const become = users === undefined || (ids.uid === 0 && ids.gid === 0) ? [] : [`--setgid=${ids.gid}`, `--setuid=${ids.uid}`];
  const list = (names: readonly string[]) => names.map((name) => `+${name}`).join(',');
  // Only the uid 0 keeps powers through exec by itself; the change of root needs one.
  const keep = uid === 0 ? [] : ['--ambient-caps=-all,+sys_chroot'];
  const limit = ['setpriv', '--no-new-privs', `--inh-caps=-all${uid === 0 ? '' : ',+sys_chroot'}`, ...keep, `--bounding-set=-all,${list(powers)}`];
  const enter = [unshare, '--root=.', `--wd=${workingDir}`, ...become, '--'];
  if (hasShell) {
    const exports = Object.entries(env).filter(([name]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)).map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'; `).join('');
    return [...limit, 'env', '-i', ...enter, '/bin/sh', '-c', `unset OLDPWD SHLVL _; ${exports}exec "$@"`, 'sh', ...argv];
  }
  const bad = Object.keys(env).find((name) => unsafe.test(name));
  if (bad !== undefined) throw new Error(`the image has no /bin/sh, without which the variable ${bad} cannot be set for RUN; set it after the last RUN`);
  return [...limit, 'env', '-i', ...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...enter, ...argv];
}
