/** Where a path of a container lies once its links are followed, found in the layers before they are mounted. */
import { readlinkSync, type Stats } from 'node:fs';
import { lookupMerged } from '../../../oci/scoped-folder.ts';

export interface MergedPath {
  /** Absolute inside the container, without links except where nothing exists yet. */
  path: string;
  stat?: Stats;
  /** On this machine, in the layer that shows it. */
  file?: string;
}

const linkLimit = 40;

/** `layers` topmost first. Links never lead out of them. Throws on a loop. */
export function resolveInLayers(layers: readonly string[], path: string): MergedPath {
  const todo = path.split('/').reverse();
  const done: string[] = [];
  let links = 0;
  let at: MergedPath = { path: '/' };
  while (todo.length > 0) {
    const part = todo.pop()!;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      done.pop();
      at = { path: `/${done.join('/')}` };
      continue;
    }
    const here = [...done, part].join('/');
    const found = lookupMerged(layers, here);
    if (found?.stat.isSymbolicLink()) {
      if (++links > linkLimit) throw new Error(`"${path}" goes through too many links`);
      const target = readlinkSync(found.path);
      if (target.startsWith('/')) done.length = 0;
      todo.push(...target.split('/').reverse());
      continue;
    }
    done.push(part);
    at = found ? { path: `/${here}`, stat: found.stat, file: found.path } : { path: `/${here}` };
  }
  return at.path === `/${done.join('/')}` ? at : { path: `/${done.join('/')}` };
}
