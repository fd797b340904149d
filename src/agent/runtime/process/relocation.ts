/**
 * Paths of a container as a process without a root of its own reaches them: what the image's layers hold lies in the container's work folder,
 * everything else is this machine's. Pure but for `shown`, which looks into the folder.
 */
import { lstatSync, statSync } from 'node:fs';
import { delimiter, join, posix } from 'node:path';

/** Folders that belong to the application in every image of a host builder. */
const ownFolders = ['/opt/app-root', '/opt/s2i'];
/** One of them inside a longer text, such as a line for a shell; not as the end of another path or URL. */
const ownInText = /(?<![A-Za-z0-9_./\\-])\/opt\/(?:app-root|s2i)(?![A-Za-z0-9_.-])/g;

export interface Relocation {
  readonly root: string;
  path(path: string): string;
  /** A word of a command line, perhaps `--option=/path` or a script for a shell. */
  word(text: string): string;
  /** A variable's value, perhaps a list of paths. */
  value(text: string): string;
}

export function relocation(root: string, shown: (path: string) => boolean): Relocation {
  const moved = (path: string) => {
    const plain = posix.normalize(path);
    return isOwn(plain) || (plain !== '/' && shown(plain)) ? join(root, plain) : undefined;
  };
  // Two slashes begin the rest of a URL.
  const path = (text: string) => (/^\/(?!\/)/.test(text) ? (moved(text) ?? text) : text);
  const inText = (text: string) => text.replace(ownInText, (found) => join(root, found));
  return {
    root,
    path,
    word(text) {
      const [, option = '', rest = text] = /^(-[^=\s]*=)(\/.*)$/s.exec(text) ?? [];
      const at = path(rest);
      return at === rest ? inText(text) : option + at;
    },
    value(text) {
      const parts = text.split(':');
      const ends = parts.map(path);
      if (!parts.every((part, index) => part === ends[index])) return ends.join(parts.every((part) => part === '' || part.startsWith('/')) ? delimiter : ':');
      return inText(text);
    },
  };
}

/** In one of the folders that are the application's in every image of a host builder. */
export function isOwn(path: string): boolean {
  return ownFolders.some((folder) => path === folder || path.startsWith(`${folder}/`));
}

/**
 * Whether the work folder answers for a path. A folder that this machine has too (`/usr/local/bin`) stays the machine's: its files are asked for one by one.
 */
export function shownIn(root: string): (path: string) => boolean {
  return (path) => {
    const found = lstatSync(join(root, path), { throwIfNoEntry: false });
    return found !== undefined && !(found.isDirectory() && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);
  };
}
