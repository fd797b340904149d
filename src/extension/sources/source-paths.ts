/** Files of a source as a builder names them, found on this machine. */
import { existsSync } from 'node:fs';
import path from 'node:path';

/** Where builders put sources. */
const roots = ['/opt/app-root/src/', '/tmp/src/', '/tmp/build/inputs/', '/tmp/artifacts/', '/usr/src/app/', '/workspace/', '/app/', '/src/'];
/** What lies there came from elsewhere. */
const foreign = /(^|\/)(node_modules|site-packages|dist-packages|vendor\/bundle|gems|\.m2|\.cargo)\/|^\/(usr\/(lib|share|local|include)|lib|etc|proc|sys|opt\/(s2i|app-root\/(lib|bin)))\/|^(node:|internal\/|<)/;
/** Leading folders of an absolute path that are left out at the most, in search of the source's top. */
const deepest = 4;
/** Names remembered; a log names few. */
const most = 2_000;

export class SourcePaths {
  readonly #tops: string[];
  readonly #exists: (file: string) => boolean;
  readonly #known = new Map<string, string | undefined>();

  /** `folder`: the top of the source; `contextDir`: the folder in it that is built. */
  constructor(folder: string, contextDir: string | undefined, exists: (file: string) => boolean = existsSync) {
    this.#tops = [...(contextDir ? [path.join(folder, contextDir)] : []), folder];
    this.#exists = exists;
  }

  /** The file here that a builder calls so; `undefined` if the source holds none. */
  find(named: string): string | undefined {
    if (!this.#known.has(named)) {
      if (this.#known.size >= most) this.#known.clear();
      this.#known.set(named, this.#search(named));
    }
    return this.#known.get(named);
  }

  #search(named: string): string | undefined {
    const name = named.replace(/^file:\/\//, '').replaceAll('\\', '/');
    if (name.length > 1_000 || foreign.test(name)) return undefined;
    for (const inside of candidates(name)) {
      const relative = path.posix.normalize(inside);
      if (relative.startsWith('..') || relative === '.' || path.posix.isAbsolute(relative)) continue;
      for (const top of this.#tops) {
        const file = path.join(top, ...relative.split('/'));
        if (this.#exists(file)) return file;
      }
    }
    return undefined;
  }
}

function candidates(name: string): string[] {
  if (!name.startsWith('/')) return [name];
  const root = roots.find((one) => name.startsWith(one));
  if (root) return [name.slice(root.length)];
  const parts = name.slice(1).split('/');
  return parts.slice(0, deepest + 1).map((_, index) => parts.slice(index).join('/'));
}
