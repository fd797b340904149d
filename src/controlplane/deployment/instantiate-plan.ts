/** Whether a deployment config that somebody asked for has a reason for its next version (openshift-apiserver's `instantiate`). Pure. */
import { decodedConfig } from '../../api/config-rollout.ts';
import type { ReplicationController } from '../../api/kinds/core.ts';
import type { DeploymentConfig, DeploymentTriggerPolicy } from '../../api/kinds/deployment-config.ts';
import { equalJson } from '../../api/json.ts';
import type { Details } from './deployment-config-plan.ts';

type Parameters = NonNullable<DeploymentTriggerPolicy['imageChangeParams']>;

const imageTriggers = ({ spec }: DeploymentConfig): Parameters[] => (spec.triggers ?? []).flatMap(({ type, imageChangeParams }) => (type === 'ImageChange' && imageChangeParams ? [imageChangeParams] : []));
const sameStream = (one: Parameters, other: Parameters) => one.from.name === other.from.name && one.from.namespace === other.from.namespace;

/** Every trigger has named its image at least once. */
export function imagesResolved(config: DeploymentConfig): boolean {
  return imageTriggers(config).every(({ lastTriggeredImage }) => Boolean(lastTriggeredImage));
}

/** `latest`: the rollout of the present version; none before the first. Undefined: nothing changed that a trigger follows. */
export function requestedFor(config: DeploymentConfig, latest: ReplicationController | undefined): Details | undefined {
  const before = latest && decodedConfig(latest);
  const known = before ? imageTriggers(before) : [];
  const automatic = imageTriggers(config).filter((trigger) => trigger.automatic);
  const changed = automatic.filter((trigger) => {
    const same = known.find((one) => sameStream(one, trigger));
    return same?.lastTriggeredImage !== trigger.lastTriggeredImage;
  });
  if (changed.length > 0) {
    return { message: 'image change', causes: changed.map(({ from }) => ({ type: 'ImageChange', imageTrigger: { from: { kind: 'ImageStreamTag', ...(from.namespace && { namespace: from.namespace }), name: from.name ?? '' } } })) };
  }
  const follows = config.spec.triggers?.some(({ type }) => type === 'ConfigChange');
  const differs = !before || !equalJson(before.spec.template, config.spec.template);
  return follows && differs ? { message: 'config change', causes: [{ type: 'ConfigChange' }] } : undefined;
}
