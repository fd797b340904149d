/** An image in the shape of Debian's: apt, dpkg, useradd and su of this machine with their libraries and settings, over busybox; and a repository with one package in a folder. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { LayerEntry } from '../../../src/oci/layer-writer.ts';
import { treeEntries } from '../../../src/oci/tree-reader.ts';
import { busyboxEntries } from './busybox-image.ts';

const programs = ['apt-get', 'dpkg', 'dpkg-deb', 'dpkg-split', 'tar', 'diff', 'ldconfig', 'start-stop-daemon', 'useradd', 'su', 'rm'];
const methods = '/usr/lib/apt/methods';

/** What is missing on this machine; undefined: nothing. */
export function whyNoDebian(): string | undefined {
  const missing = [...programs, 'gzip'].find((name) => place(name) === undefined) ?? [methods, '/etc/pam.d/su'].find((path) => !existsSync(path));
  return missing === undefined ? undefined : `this machine has no ${missing}`;
}

/** Layers, lowest first; their files lie in `folder`. The package `greeting` brings `/srv/greeting`, which its script gives to a user that it makes, `greeter`. */
export async function debianLayers(folder: string): Promise<LayerEntry[][]> {
  const put = (from: string, to = from) => {
    mkdirSync(dirname(join(folder, to)), { recursive: true });
    cpSync(realpathSync(from), join(folder, to));
  };
  const withLibraries = (from: string, to: string) => {
    put(from, to);
    for (const [, path = ''] of execFileSync('ldd', [realpathSync(from)], { encoding: 'utf8' }).matchAll(/(\/\S+) \(0x/g)) put(path, path.startsWith('/lib64/') ? path : `/usr/lib/${basename(path)}`);
  };
  for (const name of programs) withLibraries(place(name) ?? '', `/usr/bin/${name}`);
  for (const name of ['file', 'copy', 'store', 'gpgv']) withLibraries(join(methods, name), join(methods, name));
  const security = `${libraries()}/security`;
  for (const name of readdirSync(security).filter((one) => /^pam_(unix|rootok|permit|deny|env|limits|mail|umask)\.so$/.test(one))) withLibraries(join(security, name), join(security, name));
  for (const name of ['su', 'common-auth', 'common-account', 'common-session', 'common-password', 'other']) put(`/etc/pam.d/${name}`);
  for (const name of ['login.defs', 'nsswitch.conf']) put(`/etc/${name}`);
  for (const name of ['cputable', 'ostable', 'tupletable', 'abitable']) put(`/usr/share/dpkg/${name}`);
  for (const name of ['usr/local/bin', 'etc/apt/apt.conf.d', 'etc/apt/preferences.d', 'etc/apt/sources.list.d', 'var/lib/apt/lists/partial', 'var/cache/apt/archives/partial', 'var/lib/dpkg/updates', 'var/lib/dpkg/info', 'var/log', 'repository']) mkdirSync(join(folder, name), { recursive: true });
  for (const name of ['var/lib/dpkg/status', 'var/lib/dpkg/available', 'etc/shadow', 'etc/gshadow']) writeFileSync(join(folder, name), '', { mode: name.endsWith('shadow') ? 0o600 : 0o644 });
  writeFileSync(join(folder, 'etc/apt/apt.conf.d/languages'), 'Acquire::Languages "none";\n');
  writeFileSync(join(folder, 'etc/apt/sources.list'), 'deb [trusted=yes] file:/repository ./\n');
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n');
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nstaff:x:50:\nnogroup:x:65534:\n');
  makePackage(join(folder, 'repository'));
  const entries = await treeEntries(folder, { owner: (name, stat) => ({ uid: name === 'var/cache/apt/archives/partial' || name === 'var/lib/apt/lists/partial' ? 42 : 0, gid: 0, mode: stat.mode & 0o7777 }) });
  return [busyboxEntries(), entries];
}

function makePackage(repository: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-package-'));
  const control = 'Package: greeting\nVersion: 1.0\nArchitecture: all\nMaintainer: Ada <ada@example.org>\nDescription: says hello\n';
  try {
    for (const name of ['DEBIAN', 'srv']) mkdirSync(join(folder, name), { mode: 0o755 });
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'DEBIAN/control'), control);
    writeFileSync(join(folder, 'DEBIAN/postinst'), '#!/bin/sh -e\nuseradd --system --uid 321 --no-create-home greeter\nchown greeter:staff /srv/greeting\n', { mode: 0o755 });
    writeFileSync(join(folder, 'srv/greeting'), 'hello\n');
    execFileSync('dpkg-deb', ['-Zgzip', '--root-owner-group', '--build', folder, join(repository, 'greeting.deb')], { stdio: 'ignore' });
    const bytes = readFileSync(join(repository, 'greeting.deb'));
    const sum = execFileSync('sha256sum', [join(repository, 'greeting.deb')], { encoding: 'utf8' }).split(' ')[0];
    writeFileSync(join(repository, 'Packages'), `${control}Filename: ./greeting.deb\nSize: ${bytes.length}\nSHA256: ${sum}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function place(name: string): string | undefined {
  return ['/usr/bin', '/usr/sbin', '/bin', '/sbin'].map((folder) => join(folder, name)).find(existsSync);
}

function libraries(): string {
  const found = readdirSync('/usr/lib').find((name) => name.endsWith('-linux-gnu'));
  return `/usr/lib/${found ?? ''}`;
}
