/** Build: one run of a build. Its spec never changes; a finished one never runs again. */
import { copyJson, equalJson, isObject } from '../../api/json.ts';
import { builds, finishedPhases, type Build, type BuildPhase } from '../../api/kinds/build.ts';
import { duplicateValue, invalidValue, notSupported, type FieldError } from '../../api/status.ts';
import type { StoredKind, Subresource } from '../kernel/apiserver/kind.ts';
import { buildColumns } from './build-columns.ts';
import { conditionsOf } from './build-conditions.ts';
import { defaultBuildSpec, validateBuildSpec } from './build-spec-rules.ts';

const phases: readonly BuildPhase[] = ['New', 'Pending', 'Running', 'Complete', 'Failed', 'Error', 'Cancelled'];
/** A process in a container that is killed for want of memory may have told a reason of its own first. */
const overriding = 'OutOfMemoryKilled';

export function buildKind(subresources: Record<string, Subresource<Build>>, now: () => Date): StoredKind<Build> {
  return {
    type: 'stored',
    resource: builds,
    // Clients cancel by writing `status.cancelled` into the object itself.
    statusSubresource: false,
    generation: false,
    defaults(build) {
      build.status ??= { phase: 'New' };
      build.status.phase ||= 'New';
      build.status.output ??= {};
      defaultBuildSpec(build.spec);
      build.spec.triggeredBy ??= [];
      build.spec.serviceAccount ??= 'builder';
    },
    prepareCreate(build, context) {
      // Whoever makes a build by hand starts at the beginning.
      build.status = { phase: 'New', output: {}, ...(build.status.config && { config: build.status.config }) };
      build.status.conditions = conditionsOf(build.status, context.now);
    },
    prepareUpdate(build, old, context) {
      if (old.status.phase === 'Failed' && build.status.reason !== overriding) {
        const { reason: _reason, message: _message, ...status } = build.status;
        build.status = { ...status, ...(old.status.reason && { reason: old.status.reason }), ...(old.status.message && { message: old.status.message }) };
      }
      build.status.conditions = conditionsOf(build.status, context.now);
    },
    validate: (build, old) => [...(old ? validateChange(build, old) : validateBuildSpec(build.spec)), ...validatePhase(build)],
    selectableFields: { status: ({ status }) => status.phase, podName: (build) => build.metadata.annotations?.['openshift.io/build.pod-name'] ?? '' },
    columns: buildColumns,
    subresources: {
      ...subresources,
      details: {
        type: 'fields',
        kind: 'Build',
        copy(from, to) {
          copyDetails(from, to);
          to.status.conditions = conditionsOf(to.status, now());
        },
        validate: (build, old) => [...validateRevision(build, old), ...validateTransition(build, old), ...validatePhase(build)],
      },
    },
  };
}

function validatePhase({ status }: Build): FieldError[] {
  return phases.includes(status.phase) ? [] : [notSupported('status.phase', status.phase, phases)];
}

function validateChange(build: Build, old: Build): FieldError[] {
  // The secret to push with may be found after the build was made.
  const before = copyJson(old.spec);
  if (build.spec.output?.pushSecret) before.output = { ...before.output, pushSecret: build.spec.output.pushSecret };
  const errors = validateTransition(build, old);
  if (!equalJson(build.spec, before)) errors.push(invalidValue('spec', 'content of spec is not printed out, please refer to the details', `spec is immutable, diff: ${JSON.stringify({ spec: difference(before, build.spec) })}`));
  return errors;
}

function validateTransition(build: Build, old: Build): FieldError[] {
  const [from, to] = [old.status.phase, build.status.phase];
  if (finishedPhases.includes(from) && to !== from) return [invalidValue('status.phase', to, 'phase cannot be updated from a terminal state')];
  if (from === 'Running' && (to === 'New' || to === 'Pending')) return [invalidValue('status.phase', to, 'phase cannot go back from Running')];
  return [];
}

/** A commit that is known stays; what else is known about it may be added. */
function validateRevision(build: Build, old: Build): FieldError[] {
  const [before, after] = [old.spec.revision, build.spec.revision];
  if (!before) return [];
  if (!after) return [invalidValue('spec.revision', null, 'cannot set an empty revision in build spec')];
  const kept = Object.entries(before.git ?? {}).every(([name, value]) => equalJson(value, (after.git as Record<string, unknown> | undefined)?.[name]));
  return kept ? [] : [duplicateValue('spec.revision', before)];
}

/** What a merge patch would have to say to get from one to the other. */
function difference(from: unknown, to: unknown): unknown {
  if (!isObject(from) || !isObject(to)) return to ?? null;
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].filter((name) => !equalJson(from[name] ?? null, to[name] ?? null));
  return Object.fromEntries(names.map((name) => [name, difference(from[name], to[name])]));
}

/** What is found out while a build goes on: the revision, the secret it pushes with, and everything in the status. */
function copyDetails(from: Build, to: Build): void {
  if (from.spec.revision) to.spec.revision = from.spec.revision;
  else delete to.spec.revision;
  const pushSecret = from.spec.output?.pushSecret;
  if (pushSecret && to.spec.output) to.spec.output.pushSecret = pushSecret;
  to.status = from.status;
  const { annotations } = from.metadata;
  if (annotations) to.metadata.annotations = annotations;
}
