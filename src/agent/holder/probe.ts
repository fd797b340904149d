/** Can this user make the namespaces that the sandbox needs? Found out by making them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CommandFailed, run } from '../runtime/run.ts';
import { findProgram, systemEnvironment } from '../runtime/system-path.ts';

export interface SandboxProbe {
  ok: boolean;
  /** Overlay mounts work on the folder given; else roots are copied. */
  overlay: boolean;
  why?: string;
  /** One line for a shell or a sentence that says what to do. */
  fix?: string;
}

const programs = [
  { name: 'unshare', package: 'util-linux' }, { name: 'nsenter', package: 'util-linux' }, { name: 'setpriv', package: 'util-linux' },
  { name: 'mount', package: 'mount' }, { name: 'pivot_root', package: 'util-linux' }, { name: 'ip', package: 'iproute2' }, { name: 'mkfifo', package: 'coreutils' },
];

/** One shell program a step, each said by its exit code, so that the reason is exact. */
const steps = `
mount -t tmpfs tmpfs "$1/tmp" || exit 11
mount -t devpts -o newinstance,ptmxmode=666 devpts "$1/tmp" || exit 12
ip link add slipway-probe type bridge || exit 13
unshare -nui true || exit 14
unshare -U --map-user=1000580000 --map-group=0 --keep-caps setpriv --no-new-privs --bounding-set=-all true || exit 15
mount -t overlay overlay -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work,userxattr" "$1/merged" || exit 20
: > "$1/merged/probe" || exit 20
`;

const stepNames: Record<number, string> = {
  11: 'mounting in the new namespace', 12: 'a private terminal file system', 13: 'making a network bridge', 14: 'a network namespace for a pod', 15: 'a user namespace without powers for a container',
};

/** `directory` lies on the file system that will hold the nodes' data. */
export async function probeSandbox(directory: string): Promise<SandboxProbe> {
  if (process.platform !== 'linux') return { ok: false, overlay: false, why: `namespaces are a feature of Linux, this is ${process.platform}`, fix: 'Use --runtime process.' };
  const missing = programs.filter(({ name }) => findProgram(name) === undefined);
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((program) => program.package))].join(' ');
    return { ok: false, overlay: false, why: `not found: ${missing.map(({ name }) => name).join(', ')}`, fix: `sudo apt-get install ${packages}   (or your system's packages of the same names)` };
  }
  const folder = mkdtempSync(join(directory, 'probe-'));
  try {
    const make = 'mkdir -p "$1/tmp" "$1/lower" "$1/upper" "$1/work" "$1/merged" && exec unshare -Urnmpf --mount-proc --propagation private sh -c "$2" sh "$1"';
    await run(['sh', '-c', make, 'sh', folder, steps], { env: systemEnvironment });
    return { ok: true, overlay: true };
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    if (error.code === 20) return { ok: true, overlay: false, why: `no overlay mounts on ${directory}: ${error.stderr.trim()}` };
    const step = error.code === null ? undefined : stepNames[error.code];
    return { ok: false, overlay: false, ...explain(`${step ?? 'making user, network, mount and process namespaces'} failed: ${error.stderr.trim() || error.message}`, readSetting) };
  } finally {
    // The overlay's work folder is closed even to its owner.
    await run(['sh', '-c', 'chmod -R u+rwx "$1" 2>/dev/null; rm -rf "$1"', 'sh', folder], { env: systemEnvironment }).catch(() => rmSync(folder, { recursive: true, force: true }));
  }
}

/** What the kernel's settings say about a refusal, the likeliest first. */
export function explain(what: string, setting: (name: string) => string | undefined): { why: string; fix: string } {
  if (setting('kernel/apparmor_restrict_unprivileged_userns') === '1')
    return { why: `AppArmor restricts user namespaces of unprivileged programs (Ubuntu 23.10 and later); ${what}`, fix: 'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0' };
  if (setting('kernel/unprivileged_userns_clone') === '0')
    return { why: `user namespaces are switched off for ordinary users; ${what}`, fix: 'sudo sysctl -w kernel.unprivileged_userns_clone=1' };
  if (setting('user/max_user_namespaces') === '0')
    return { why: `no user namespaces are allowed; ${what}`, fix: 'sudo sysctl -w user.max_user_namespaces=15000' };
  if (setting('user/max_net_namespaces') === '0')
    return { why: `no network namespaces are allowed; ${what}`, fix: 'sudo sysctl -w user.max_net_namespaces=15000' };
  return { why: what, fix: 'In a container: allow unshare and mount (for Docker --security-opt seccomp=unconfined --security-opt systempaths=unconfined); elsewhere use --runtime process.' };
}

function readSetting(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
