/** The volume in which builds work: one folder each, and one for what they keep. Looked after by a container of ours, since what lies there belongs to the containers' users. */
import { isEngineError, type EngineClient } from './engine-client.ts';
import type { RunnableImage } from './engine-images.ts';
import { ownLabels, type Owner } from './container-body.ts';
import { buildVolume, engineLabels } from './labels.ts';

export interface BuildFoldersOptions {
  engine: EngineClient;
  owner: Owner;
  tools(): Promise<RunnableImage>;
}

/** `$1` is the second before which a folder was made that may be of a killed agent's build; the rest are names of folders that are kept. */
const sweepScript = 'cd /build || exit 0; before=$1; shift; for folder in *; do [ "$(stat -c %Y "$folder")" -lt "$before" ] || continue; for kept in cache "$@"; do [ "$folder" = "$kept" ] && continue 2; done; rm -rf -- "$folder"; done';
const removeScript = 'cd /build && rm -rf -- "$@"';

export class BuildFolders {
  readonly #options: BuildFoldersOptions;
  readonly #gone = new Set<string>();
  #removing: Promise<void> | undefined;

  constructor(options: BuildFoldersOptions) {
    this.#options = options;
  }

  async prepare(): Promise<void> {
    const { engine, owner } = this.#options;
    await engine.call('POST', '/volumes/create', { body: { Name: buildVolume(owner.home, owner.node), Labels: { [engineLabels.home]: owner.home } } });
  }

  /** Removes what builds of an earlier agent left; `used` are folders of builds that still run. */
  async sweep(used: readonly string[], now: Date): Promise<void> {
    const { engine, owner } = this.#options;
    const there = await engine.call('GET', `/volumes/${buildVolume(owner.home, owner.node)}`).then(() => true, (error: unknown) => !isEngineError(error, 404));
    if (there) await this.#run(sweepScript, [String(Math.floor(now.getTime() / 1000)), ...used]);
  }

  /** Folders that go at nearly the same time go together. */
  remove(folder: string): Promise<void> {
    this.#gone.add(folder);
    this.#removing ??= Promise.resolve().then(async () => {
      while (this.#gone.size > 0) {
        const folders = [...this.#gone];
        this.#gone.clear();
        await this.#run(removeScript, folders);
      }
    }).finally(() => (this.#removing = undefined));
    return this.#removing;
  }

  async #run(script: string, words: readonly string[]): Promise<void> {
    const { engine, owner, tools } = this.#options;
    const image = await tools();
    const { Id } = await engine.call<{ Id: string }>('POST', '/containers/create', {
      body: {
        Image: image.name, Entrypoint: ['sh', '-c', script, 'sh', ...words], Cmd: [], Env: image.config.env, User: '0:0', WorkingDir: '/', Labels: ownLabels(owner, 'helper'),
        HostConfig: { NetworkMode: 'none', Binds: [...image.binds, `${buildVolume(owner.home, owner.node)}:/build`], SecurityOpt: ['no-new-privileges', 'label=disable'], RestartPolicy: { Name: 'no' } },
      },
    });
    try {
      await engine.call('POST', `/containers/${Id}/start`);
      await engine.call('POST', `/containers/${Id}/wait`, { timeout: 5 * 60_000 });
    } finally {
      await engine.call('DELETE', `/containers/${Id}`, { query: { force: true, v: true } }).catch(() => undefined);
    }
  }
}
