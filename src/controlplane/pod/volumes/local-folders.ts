/** The folders behind volumes of class `local`: one a volume, under `<home>/volumes`. Capacity is a number only: nothing limits what an app writes. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';

export class LocalFolders {
  readonly #root: string;

  constructor(root: string) {
    this.#root = path.resolve(root);
  }

  /** Makes the folder of a volume; one that is there stays as it is. Any user of a container may write. */
  async make(volume: string): Promise<string> {
    const folder = this.#folder(volume);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o777);
    return folder;
  }

  /** Takes the folder away at once and empties it afterwards. */
  async remove(volume: string): Promise<void> {
    const folder = this.#folder(volume);
    const doomed = path.join(this.#root, `.removed-${randomBytes(6).toString('hex')}`);
    try {
      await rename(folder, doomed);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    await rm(doomed, { recursive: true, force: true });
  }

  #folder(volume: string): string {
    if (!/^[a-z0-9][-a-z0-9.]*$/.test(volume)) throw new Error(`"${volume}" cannot be the name of a folder`);
    return path.join(this.#root, volume);
  }
}
