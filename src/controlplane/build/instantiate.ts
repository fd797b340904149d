/** Starts builds: reads the config, plans, takes the next number, creates. */
import { buildAnnotations, buildConfigs, buildLabels, builds, type Build, type BuildConfig, type BuildRequest } from '../../api/kinds/build.ts';
import { copyJson } from '../../api/json.ts';
import { toTime } from '../../api/meta.ts';
import { isStatusError, serviceUnavailable } from '../../api/status.ts';
import { delay, systemClock, type Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import { ifFound } from '../../client/if-found.ts';
import { labelValue } from './build-names.ts';
import { cloneRefusal, planClone } from './clone-plan.ts';
import { noteImages } from './image-change.ts';
import { planInstantiation, refusal } from './instantiate-plan.ts';
import { KeyedLock } from './keyed-lock.ts';
import { readStreams } from './stream-lookup.ts';

/** Times a write is tried when others write the same config at the same moment. */
const attempts = 20;
const conflictMs = 5;

export interface InstantiateOptions {
  dryRun?: boolean;
}

export class Instantiator {
  readonly #turns = new KeyedLock();
  #parts: { client: Client; clock: Clock } | undefined;

  /** Kinds are described before the module starts, and asked only after. */
  start(client: Client, clock: Clock): void {
    this.#parts = { client, clock };
  }

  /**
   * Rejects with `StatusError`. Builds of one config are made one after another. The build's name takes its number, and the number is noted after that:
   * so numbers have no gaps, whatever fails, and a control plane that ends in between finds the number taken.
   */
  async instantiate(namespace: string, name: string, request: BuildRequest, options: InstantiateOptions = {}): Promise<Build> {
    const { client, clock } = this.#ready();
    return this.#turns.run(`${namespace}/${name}`, async () => {
      const config = await client.get<BuildConfig>(buildConfigs, { namespace, name });
      const refused = refusal(config, request);
      if (refused) throw refused;
      const streams = await readStreams(client, config, [request.from]);
      return this.#make(config, (number) => planInstantiation(config, request, streams, toTime(clock.now()), number), options);
    });
  }

  async clone(namespace: string, name: string, request: BuildRequest, options: InstantiateOptions = {}): Promise<Build> {
    const { client, clock } = this.#ready();
    const build = await client.get<Build>(builds, { namespace, name });
    const configName = build.status.config?.name;
    return this.#turns.run(`${namespace}/${configName ?? ''}`, async () => {
      const config = configName ? await ifFound(client.get<BuildConfig>(buildConfigs, { namespace, name: configName })) : undefined;
      const refused = cloneRefusal(build, config);
      if (refused) throw refused;
      return this.#make(config, (number) => planClone(build, config, request, clock.now(), number), options);
    });
  }

  /** What a control plane that ended could no more write of a build it had made. */
  async note(config: BuildConfig, number: number, build: Build): Promise<void> {
    const { client, clock } = this.#ready();
    const { namespace = '', name } = config.metadata;
    const cause = build.spec.triggeredBy?.find((one) => one.imageChangeBuild)?.imageChangeBuild;
    const change = cause?.imageID && cause.fromRef ? { from: cause.fromRef, image: cause.imageID } : undefined;
    await this.#turns.run(`${namespace}/${name}`, async () => {
      const next = copyJson(config);
      next.status = { ...next.status, lastVersion: number };
      noteImages(next, await readStreams(client, config), change, toTime(clock.now()));
      await this.#note(next);
    });
  }

  /** A number may be taken although the config does not know it: its note was lost with a control plane, or builds were left from a config before. */
  async #make(config: BuildConfig | undefined, plan: (number: number) => { config: BuildConfig | undefined; build: Build }, { dryRun = false }: InstantiateOptions): Promise<Build> {
    const { client } = this.#ready();
    let number = (config?.status?.lastVersion ?? 0) + 1;
    for (let attempt = 1; ; attempt++) {
      const planned = plan(number);
      try {
        const build = await client.create<Build>(builds, planned.build, { namespace: planned.build.metadata.namespace, dryRun });
        if (planned.config && !dryRun) await this.#note(planned.config);
        return build;
      } catch (error) {
        if (attempt >= attempts || !isStatusError(error, 'AlreadyExists') || !config) throw error;
        number = Math.max(number, await this.#highest(config)) + 1;
      }
    }
  }

  async #highest({ metadata }: BuildConfig): Promise<number> {
    const { client } = this.#ready();
    const { items } = await client.list(builds, { namespace: metadata.namespace, labelSelector: `${buildLabels.buildConfig}=${labelValue(metadata.name)}` });
    return Math.max(0, ...items.map((one) => Number(one.metadata.annotations?.[buildAnnotations.number] ?? 0)));
  }

  /** Writes the number and what triggers have seen into the config; a newer state of it keeps everything else. */
  async #note(planned: BuildConfig): Promise<void> {
    const { client } = this.#ready();
    const { namespace, name, uid } = planned.metadata;
    let next = planned;
    for (let attempt = 1; ; attempt++) {
      try {
        await client.update<BuildConfig>(buildConfigs, next, { namespace, name });
        return;
      } catch (error) {
        if (isStatusError(error, 'NotFound')) return;
        if (attempt >= attempts || !isStatusError(error, 'Conflict')) throw error;
      }
      // A write that is not yet on disk cannot be read, only collided with.
      await delay(systemClock, attempt * conflictMs);
      const now = await ifFound(client.get<BuildConfig>(buildConfigs, { namespace, name }));
      if (!now || now.metadata.uid !== uid || (now.status?.lastVersion ?? 0) >= (planned.status?.lastVersion ?? 0)) return;
      next = { ...now, status: { ...now.status, ...planned.status, lastVersion: planned.status?.lastVersion ?? 0 } };
    }
  }

  #ready(): { client: Client; clock: Clock } {
    if (!this.#parts) throw serviceUnavailable('builds are not ready yet');
    return this.#parts;
  }
}
