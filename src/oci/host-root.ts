/**
 * The root of a container whose image has no base layer (label `slipway.dev/base=host`): what of this machine is seen inside, read-only, and what is made up.
 * Used by the sandbox driver for pods and by the build program for assemble, so that a build sees exactly what its application will see.
 */
import { constants } from 'node:fs';
import { access, chmod, lstat, mkdir, readdir, readlink, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface HostRoot {
  /** Files and folders of this machine, bound read-only at the same path. Their mount points exist in the skeleton. */
  binds: { path: string; directory: boolean }[];
  /** Symbolic links, e.g. `/bin` to `usr/bin`. */
  links: { path: string; target: string }[];
  directories: { path: string; mode: number }[];
  files: { path: string; text: string }[];
}

export interface HostRootOptions {
  /** Folders outside `/usr` that the toolchain lies in (image label `slipway.dev/host-paths`). */
  hostPaths: readonly string[];
  hostname: string;
  /** Complete texts, where they are known before the container starts. */
  hosts?: string;
  resolvConf?: string;
  user?: { uid: number; gid: number; home: string };
}

/** Top-level names that hold programs and libraries: links on merged systems, folders on others. */
const systemFolders = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];

/** All of `/etc` that is seen: linker and certificate data, alternatives, and configuration of languages. Nothing here names users or holds keys. */
const etcAllowed = [
  'alternatives', 'ca-certificates', 'ca-certificates.conf', 'crypto-policies', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'localtime', 'timezone', 'mime.types', 'protocols',
  'services', 'pki/ca-trust', 'pki/tls/certs', 'pki/tls/cert.pem', 'pki/tls/openssl.cnf', 'ssl/certs', 'ssl/cert.pem', 'ssl/openssl.cnf', 'fonts', 'java', 'maven', 'gradle', 'perl', 'php', 'python3', 'ruby', 'gemrc', 'dotnet', 'gitconfig', 'pip.conf',
].map((name) => `/etc/${name}`);
/** Where Debian keeps the configuration of each of its JDKs. */
const etcPattern = /^java-\d+-openjdk$/;

/** Looks at this machine; nothing is changed. */
export async function describeHostRoot(options: HostRootOptions): Promise<HostRoot> {
  const { uid, gid, home } = options.user ?? { uid: 1001, gid: 0, home: '/opt/app-root/src' };
  const root: HostRoot = {
    binds: [],
    links: [],
    directories: [
      ...['/dev', '/etc', '/home', '/mnt', '/opt', '/proc', '/run', '/srv', '/sys', '/var'].map((path) => ({ path, mode: 0o755 })),
      { path: '/root', mode: 0o755 },
      { path: '/tmp', mode: 0o1777 },
      { path: '/var/tmp', mode: 0o1777 },
    ],
    files: [
      { path: '/etc/passwd', text: `root:x:0:0:root:/root:/bin/sh\ndefault:x:${uid}:${gid}:Default Application User:${home}:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n` },
      { path: '/etc/group', text: 'root:x:0:\nnogroup:x:65534:\n' },
      { path: '/etc/hostname', text: `${options.hostname}\n` },
      { path: '/etc/hosts', text: options.hosts ?? `127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.1.1\t${options.hostname}\n` },
      { path: '/etc/resolv.conf', text: options.resolvConf ?? '' },
      { path: '/etc/nsswitch.conf', text: 'passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n' },
    ],
  };
  const more = (await readdir('/etc').catch(() => [])).filter((name) => etcPattern.test(name)).map((name) => `/etc/${name}`);
  for (const path of [...systemFolders, ...etcAllowed, ...more, ...options.hostPaths.filter((path) => !under(path, '/usr'))]) await addPath(root, path);
  return root;
}

async function addPath(root: HostRoot, path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (found.isSymbolicLink()) {
    root.links.push({ path, target: await readlink(path) });
    return;
  }
  const readable = await access(path, constants.R_OK).then(() => true, () => false);
  if (readable && (found.isDirectory() || found.isFile())) root.binds.push({ path, directory: found.isDirectory() });
}

/** Makes the part of the root that is not bound: folders, links, generated files and empty mount points. It becomes the lowest layer. */
export async function writeHostSkeleton(folder: string, root: HostRoot): Promise<void> {
  const at = (path: string) => join(folder, path);
  for (const { path, mode } of root.directories) {
    await mkdir(at(path), { recursive: true });
    await chmod(at(path), mode);
  }
  for (const { path, target } of root.links) {
    await mkdir(dirname(at(path)), { recursive: true });
    await symlink(target, at(path)).catch(ignoreExisting);
  }
  for (const { path, directory } of root.binds) {
    await mkdir(directory ? at(path) : dirname(at(path)), { recursive: true });
    if (!directory) await writeFile(at(path), '', { flag: 'a' });
  }
  for (const { path, text } of root.files) await writeFile(at(path), text);
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

/** True if `path` is `folder` or lies in it. */
function under(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
