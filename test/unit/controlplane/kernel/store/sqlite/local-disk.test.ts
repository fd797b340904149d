import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { requireLocalDisk } from '../../../../../../src/controlplane/kernel/store/sqlite/local-disk.ts';

const mounts = `
22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:40 / /home rw - nfs4 server:/home rw
31 22 0:41 / /mnt/ssh\\040box rw - fuse.sshfs me@box: rw
32 22 0:42 / /mnt/ntfs rw - fuseblk /dev/sdb1 rw
33 22 0:43 / /mnt/c rw - 9p drvfs rw,aname=drvfs;path=C:
34 22 0:44 / /mnt/share rw - 9p hostshare rw,trans=virtio`;
const magics: Record<string, number> = { '/home/me': 0x6969, '/mnt/ssh box/x': 0x65735546, '/mnt/ntfs/x': 0x65735546, '/mnt/c/x': 0x01021997, '/mnt/share/x': 0x01021997, '/srv': 0xef53, '/smb': 0xfe534d42 };
const check = (folder: string, platform: NodeJS.Platform = 'linux') => () => requireLocalDisk(folder, { magic: (name) => magics[name] ?? 0, mounts: () => mounts }, platform);

describe('local disk', () => {
  it.each([
    ['/home/me', 'nfs'],
    ['/smb', 'smb2'],
    ['/mnt/ssh box/x', 'fuse.sshfs'],
    ['/mnt/c/x', 'a Windows drive in WSL'],
  ])('refuses %s and says what to do', (folder, kind) => {
    expect(check(folder)).toThrow(`${folder} lies on a network file system (${kind}), where a write that was acknowledged can be lost: choose a folder on a local disk (--home)`);
  });

  it.each(['/srv', '/mnt/ntfs/x', '/mnt/share/x'])('takes %s', (folder) => expect(check(folder)).not.toThrow());

  it('knows shares of Windows by their name', () => {
    expect(check('\\\\server\\share\\x', 'win32')).toThrow('a share');
    expect(check('C:\\Users\\me', 'win32')).not.toThrow();
    expect(check('\\\\?\\C:\\long', 'win32')).not.toThrow();
  });

  it('takes this machine as it is', () => expect(() => requireLocalDisk(tmpdir())).not.toThrow());
});
