/** hostPath volumes: what `type` asks for is checked or made before anything mounts (Kubernetes docs, "hostPath volume types"). */
import { mkdir, open, stat } from 'node:fs/promises';
import path from 'node:path';
import { VolumeError } from './volume-files.ts';

export async function prepareHostPath(where: string, type: string | undefined): Promise<void> {
  const info = await stat(where).catch(() => undefined);
  const wrong = (what: string) => new VolumeError(`hostPath type check failed: ${where} is not a ${what}`);
  switch (type ?? '') {
    case '':
      if (!info) throw new VolumeError(`hostPath ${where} does not exist; create it, or set type DirectoryOrCreate`);
      return;
    case 'DirectoryOrCreate':
      if (!info) await mkdir(where, { recursive: true, mode: 0o755 });
      else if (!info.isDirectory()) throw wrong('directory');
      return;
    case 'Directory':
      if (!info?.isDirectory()) throw wrong('directory');
      return;
    case 'FileOrCreate':
      if (!info) {
        await mkdir(path.dirname(where), { recursive: true });
        await (await open(where, 'a', 0o644)).close();
      } else if (!info.isFile()) throw wrong('file');
      return;
    case 'File':
      if (!info?.isFile()) throw wrong('file');
      return;
    case 'Socket':
      if (!info?.isSocket()) throw wrong('socket');
      return;
    default:
      throw new VolumeError(`hostPath type ${type} needs devices, which a sandbox without root does not have`);
  }
}
