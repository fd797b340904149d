/** Build: one run of a build. Its spec never changes; a finished one never runs again. */
import { equalJson } from '../../api/json.ts';
import { builds, finishedPhases, type Build, type BuildPhase } from '../../api/kinds/build.ts';
import { invalidValue, notSupported, type FieldError } from '../../api/status.ts';
import type { StoredKind, Subresource } from '../kernel/apiserver/kind.ts';
import { buildColumns } from './build-columns.ts';
import { defaultBuildSpec, validateBuildSpec } from './build-spec-rules.ts';

const phases: readonly BuildPhase[] = ['New', 'Pending', 'Running', 'Complete', 'Failed', 'Error', 'Cancelled'];

export function buildKind(subresources: Record<string, Subresource<Build>>): StoredKind<Build> {
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
    prepareCreate(build) {
      // Whoever makes a build by hand starts at the beginning.
      build.status = { phase: 'New', output: {}, ...(build.status.config && { config: build.status.config }) };
    },
    validate: (build, old) => [...(old ? validateChange(build, old) : validateBuildSpec(build.spec)), ...validatePhase(build)],
    selectableFields: { status: ({ status }) => status.phase, podName: (build) => build.metadata.annotations?.['openshift.io/build.pod-name'] ?? '' },
    columns: buildColumns,
    subresources: { ...subresources, details: { type: 'fields', kind: 'Build', copy: copyDetails } },
  };
}

function validatePhase({ status }: Build): FieldError[] {
  return phases.includes(status.phase) ? [] : [notSupported('status.phase', status.phase, phases)];
}

function validateChange(build: Build, old: Build): FieldError[] {
  const errors: FieldError[] = [];
  if (!equalJson(build.spec, old.spec)) errors.push(invalidValue('spec', 'content of spec is not printed out, please refer to the "details"', 'spec is immutable'));
  if (finishedPhases.includes(old.status.phase) && build.status.phase !== old.status.phase) errors.push(invalidValue('status.phase', build.status.phase, 'phase cannot be updated from a terminal state'));
  if (old.status.phase === 'Running' && ['New', 'Pending'].includes(build.status.phase)) errors.push(invalidValue('status.phase', build.status.phase, 'phase cannot go back from Running'));
  return errors;
}

/** What the builder finds out while it works: the revision, and everything in the status. */
function copyDetails(from: Build, to: Build): void {
  if (from.spec.revision) to.spec.revision = from.spec.revision;
  to.status = from.status;
  const { annotations } = from.metadata;
  if (annotations) to.metadata.annotations = annotations;
}
