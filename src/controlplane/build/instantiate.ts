/** Starts builds: reads the config, plans, takes the next number, creates. */
import { buildConfigs, builds, strategyFrom, type Build, type BuildConfig, type BuildRequest } from '../../api/kinds/build.ts';
import { imageStreams, type ImageStream } from '../../api/kinds/image.ts';
import { toTime } from '../../api/meta.ts';
import { badRequest, isStatusError, serviceUnavailable } from '../../api/status.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import { ifFound } from '../../client/if-found.ts';
import { cloneRequest, planInstantiation, refusal } from './instantiate-plan.ts';
import type { StreamLookup } from './image-resolver.ts';

/** Times a number is asked for when others build at the same moment. */
const attempts = 20;

export class Instantiator {
  #parts: { client: Client; clock: Clock } | undefined;

  /** Kinds are described before the module starts, and asked only after. */
  start(client: Client, clock: Clock): void {
    this.#parts = { client, clock };
  }

  /**
   * Rejects with `StatusError`. The build's name is what two starters at the same moment fight for, and the number is noted after it is taken:
   * so numbers have no gaps, whatever fails.
   */
  async instantiate(namespace: string, name: string, request: BuildRequest): Promise<Build> {
    const { client, clock } = this.#ready();
    for (let attempt = 1; ; attempt++) {
      const config = await client.get<BuildConfig>(buildConfigs, { namespace, name });
      const refused = refusal(config, request);
      if (refused) throw refused;
      const streams = await this.#streams(config, request);
      const planned = planInstantiation(config, request, streams, toTime(clock.now()));
      let build: Build | undefined;
      try {
        build = await client.create<Build>(builds, planned.build, { namespace });
      } catch (error) {
        if (attempt >= attempts || !isStatusError(error, 'AlreadyExists')) throw error;
      }
      await this.#note(planned.config);
      if (build) return build;
    }
  }

  async clone(namespace: string, name: string, request: BuildRequest): Promise<Build> {
    const { client } = this.#ready();
    const build = await client.get<Build>(builds, { namespace, name });
    if (build.spec.source?.binary) throw badRequest(`build "${name}" was made from a source that was sent to it and is not kept; start a new one with its source, e.g. oc start-build ${build.status.config?.name ?? name} --from-dir .`);
    const config = build.status.config?.name;
    if (!config) throw badRequest(`build "${name}" has no build config to be repeated from`);
    return this.instantiate(namespace, config, cloneRequest(build, request));
  }

  /** Writes the number and what triggers have seen into the config; a newer state of it keeps everything else. */
  async #note(planned: BuildConfig): Promise<void> {
    const { client } = this.#ready();
    const { namespace, name } = planned.metadata;
    let next = planned;
    for (let attempt = 1; ; attempt++) {
      try {
        await client.update<BuildConfig>(buildConfigs, next, { namespace, name });
        return;
      } catch (error) {
        if (isStatusError(error, 'NotFound')) return;
        if (attempt >= attempts || !isStatusError(error, 'Conflict')) throw error;
      }
      const now = await ifFound(client.get<BuildConfig>(buildConfigs, { namespace, name }));
      if (!now || (now.status?.lastVersion ?? 0) >= (planned.status?.lastVersion ?? 0)) return;
      next = { ...now, status: { ...now.status, ...planned.status, lastVersion: planned.status?.lastVersion ?? 0 } };
    }
  }

  async #streams(config: BuildConfig, request: BuildRequest): Promise<StreamLookup> {
    const { client } = this.#ready();
    const namespace = config.metadata.namespace ?? '';
    const named = [request.from, strategyFrom(config.spec.strategy), ...(config.spec.triggers ?? []).map((trigger) => trigger.imageChange?.from)];
    const found = new Map<string, ImageStream>();
    for (const reference of named) {
      if (!reference?.name || (reference.kind !== 'ImageStreamTag' && reference.kind !== 'ImageStreamImage')) continue;
      const at = { namespace: reference.namespace ?? namespace, name: reference.name.split(/[:@]/)[0] ?? '' };
      const stream = await ifFound(client.get(imageStreams, at));
      if (stream) found.set(`${at.namespace}/${at.name}`, stream);
    }
    return (space, name) => found.get(`${space}/${name}`);
  }

  #ready(): { client: Client; clock: Clock } {
    if (!this.#parts) throw serviceUnavailable('builds are not ready yet');
    return this.#parts;
  }
}
