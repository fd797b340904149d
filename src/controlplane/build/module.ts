// Reads: build configs, builds, their pods and logs, image streams.
// Writes: build configs (number of the last build, what triggers have seen), builds, build pods, events.
import type { Build, BuildConfig } from '../../api/kinds/build.ts';
import { serviceUnavailable } from '../../api/status.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import { kind, type Subresource } from '../kernel/apiserver/kind.ts';
import type { Module } from '../kernel/boot/module.ts';
import { BinaryInputs, type BinaryInputOptions } from './binary-input.ts';
import { buildKind } from './build.ts';
import { startBuildConfigController } from './build-config-controller.ts';
import { buildConfigKind } from './build-config.ts';
import { startBuildController } from './build-controller.ts';
import { buildLog } from './build-log.ts';
import { binaryOptions, requestFor } from './build-request.ts';
import { Instantiator } from './instantiate.ts';
import { inputAnnotation } from './instantiate-plan.ts';
import type { PodAccess } from './pod-access.ts';
import { receiveWebHook } from './webhook/webhook.ts';

export interface BuildDependencies {
  access: PodAccess;
  /** Where uploads wait for their build pods. */
  inputs: BinaryInputOptions;
}

export function buildModule({ access, inputs: options }: BuildDependencies): Module {
  const instantiator = new Instantiator();
  const inputs = new BinaryInputs(options);
  let parts: { client: Client; clock: Clock } | undefined;

  const instantiate: Subresource<BuildConfig> = {
    type: 'action',
    kind: 'BuildRequest',
    run: ({ namespace = '', name = '', dryRun }, body) => instantiator.instantiate(namespace, name, requestFor(name, body), { dryRun }),
  };
  const instantiateBinary: Subresource<BuildConfig> = {
    type: 'upload',
    kind: 'BinaryBuildRequestOptions',
    async run(context, body) {
      const { namespace = '', name = '', query, signal } = context;
      const options = binaryOptions(query);
      if (!parts) throw serviceUnavailable('builds are not ready yet');
      const input = await inputs.receive(body, signal);
      try {
        return await instantiator.instantiate(namespace, name, { ...requestFor(name, undefined), metadata: { name, annotations: { [inputAnnotation]: input } }, ...options });
      } catch (error) {
        await inputs.drop(input);
        throw error;
      }
    },
  };
  const webhooks: Subresource<BuildConfig> = {
    type: 'open',
    kind: 'Build',
    run: (context, request) => {
      if (!parts) throw serviceUnavailable('builds are not ready yet');
      return receiveWebHook({ client: parts.client, instantiate: (namespace, name, body) => instantiator.instantiate(namespace, name, body) }, context, request);
    },
  };
  const clone: Subresource<Build> = {
    type: 'action',
    kind: 'BuildRequest',
    run: ({ namespace = '', name = '', dryRun }, body) => instantiator.clone(namespace, name, requestFor(name, body), { dryRun }),
  };
  const log: Subresource<Build> = {
    type: 'text',
    kind: 'BuildLog',
    run: (context) => {
      if (!parts) throw serviceUnavailable('builds are not ready yet');
      return buildLog(parts.client, access, parts.clock, context);
    },
  };

  return {
    name: 'build',
    dependsOn: ['project', 'image', 'pod'],
    kinds: [kind(buildConfigKind({ instantiate, instantiatebinary: instantiateBinary, webhooks })), kind(buildKind({ clone, log }, () => parts?.clock.now() ?? new Date()))],
    async start(context) {
      parts = { client: context.client, clock: context.clock };
      instantiator.start(context.client, context.clock);
      await startBuildController(context, { access, inputs });
      await startBuildConfigController(context, instantiator);
    },
  };
}
