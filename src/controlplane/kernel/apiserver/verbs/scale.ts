/** `scale`: an object's replica counts as `autoscaling/v1` Scale. */
import { copyJson, type JsonObject } from '../../../../api/json.ts';
import type { KubeObject } from '../../../../api/meta.ts';
import { badRequest, conflict, invalid, invalidValue, notFound } from '../../../../api/status.ts';
import type { Answer } from '../answer.ts';
import type { Call } from '../call.ts';
import type { Core } from '../core.ts';
import type { ScaleRules } from '../kind.ts';
import { isStored, storeKey, type ServedStored } from '../kind-table.ts';
import { replace } from '../write/replace.ts';

export interface Scale extends KubeObject {
  spec: { replicas?: number };
  status: { replicas: number; selector?: string };
}

interface Scalable {
  served: ServedStored;
  rules: ScaleRules;
}

function scalable(call: Call): Scalable {
  const { served } = call;
  if (!isStored(served) || !served.kind.scale) throw notFound(served.resource, call.object);
  return { served, rules: served.kind.scale };
}

export function readScale(core: Core, call: Call): Scale {
  const { served, rules } = scalable(call);
  const entry = core.store.get(storeKey(served, call.namespace, call.object));
  if (!entry) throw notFound(served.resource, call.object);
  return scaleOf(rules, entry.object);
}

function scaleOf(rules: ScaleRules, object: KubeObject): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = rules.selector(object);
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name, ...(namespace && { namespace }), ...(uid && { uid }), ...(resourceVersion && { resourceVersion }), ...(creationTimestamp && { creationTimestamp }) },
    spec: { replicas: rules.replicas(object) },
    status: { replicas: rules.statusReplicas(object), ...(selector && { selector }) },
  };
}

/** Writes the replicas that `wanted` makes of the current scale. */
export async function writeScale(core: Core, call: Call, wanted: (current: Scale) => JsonObject): Promise<Answer> {
  const { served, rules } = scalable(call);
  // The write is one to the object itself: its rules run, its generation counts.
  const answer = await replace(core, call, served, {
    next(current) {
      const scale = wanted(scaleOf(rules, current.object)) as unknown as Partial<Scale>;
      const replicas = scale.spec?.replicas ?? 0;
      if (!Number.isInteger(replicas)) throw badRequest('Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas of type int32');
      if (replicas < 0) throw invalid({ group: 'autoscaling', kind: 'Scale' }, call.object, [invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0')]);
      const version = scale.metadata?.resourceVersion;
      if (version && version !== String(current.revision)) throw conflict(served.resource, call.object);
      const next = copyJson(current.object);
      delete next.metadata.resourceVersion;
      if (version) next.metadata.resourceVersion = version;
      rules.setReplicas(next, replicas);
      return next;
    },
  });
  const object = answer.type === 'entry' ? answer.entry.object : (answer as { object: KubeObject }).object;
  return { type: 'object', code: 200, served, object: scaleOf(rules, object) };
}
