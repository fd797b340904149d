/** How much of the disk a folder takes, as `du` counts: blocks, each file once however many names it has, nothing behind links or other mounts. */
import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const blockSize = 512;

/** A folder that is gone, or goes meanwhile, takes nothing. */
export async function diskUsage(folder: string): Promise<number> {
  const top = await look(folder);
  if (!top) return 0;
  const seen = new Set<string>();
  const waiting = [folder];
  let bytes = top.blocks * blockSize;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const name of await readdir(next).catch(() => [])) {
      const path = join(next, name);
      const info = await look(path);
      if (info?.dev !== top.dev) continue;
      if (info.nlink > 1 && !info.isDirectory()) {
        const inode = String(info.ino);
        if (seen.has(inode)) continue;
        seen.add(inode);
      }
      bytes += info.blocks * blockSize;
      if (info.isDirectory()) waiting.push(path);
    }
  }
  return bytes;
}

function look(path: string): Promise<Stats | undefined> {
  return lstat(path).catch(() => undefined);
}
