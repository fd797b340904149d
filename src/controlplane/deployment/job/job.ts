/** Jobs: defaults, rules, columns (kubernetes pkg/apis/batch, pkg/registry/batch/job). */
import { equalJson } from '../../../api/json.ts';
import { humanDuration } from '../../../api/age.ts';
import { jobLabels, jobs, type Job } from '../../../api/kinds/batch.ts';
import { validateLabels } from '../../../api/selector-rules.ts';
import { everything, formatSelector } from '../../../api/selector.ts';
import { forbiddenField, invalidValue, notSupported, required, type FieldError } from '../../../api/status.ts';
import { ageColumn, nameColumn } from '../../kernel/apiserver/columns.ts';
import { kind, type Column, type Kind } from '../../kernel/apiserver/kind.ts';
import { conditionOf, type WorkloadCondition } from '../conditions.ts';
import { parseIndexes } from './indexes.ts';
import { parsed, templateColumns, validateCount, type PodTemplateRules } from '../workload.ts';

const selector = ({ spec }: Job) => parsed(spec.selector) ?? everything;
/** Indexed jobs of more pods than that may not run as many at once. */
const manyCompletions = 100_000;
const fewParallel = 10_000;
/** Characters. */
const longestLabel = 63;

export function jobKind(rules: PodTemplateRules): Kind {
  return kind<Job>({
    type: 'stored',
    resource: jobs,
    statusSubresource: true,
    defaults: (job) => defaultJob(job, rules),
    prepareCreate(job) {
      job.status = {};
      if (!job.spec.manualSelector) generateSelector(job);
    },
    validate: (job, old) => [...(old ? [] : validateHostnames(job)), ...validateJobSpec(job.spec, 'spec', rules, true), ...(old ? validateUpdate(job, old) : [])],
    selectableFields: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
    columns: [
      nameColumn,
      { name: 'Status', type: 'string', cell: statusText },
      { name: 'Completions', type: 'string', cell: completionsText },
      { name: 'Duration', type: 'string', cell: durationText },
      ageColumn,
      ...templateColumns<Job>(({ spec }) => spec.template, selector),
    ],
  });
}

export function defaultJob(job: Pick<Job, 'spec'>, rules: PodTemplateRules): void {
  const spec = (job.spec ??= {} as Job['spec']);
  // Neither given: one pod that has to end well.
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.completionMode ??= 'NonIndexed';
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2_147_483_647;
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  for (const rule of spec.podFailurePolicy?.rules ?? []) for (const pattern of rule.onPodConditions ?? []) pattern.status ??= 'True';
  if (spec.template?.spec) rules.defaults(spec.template);
}

/** A job finds its pods by its own uid, so that no two jobs ever share one. */
function generateSelector({ metadata, spec }: Job): void {
  const uid = metadata.uid ?? '';
  const labels = { [jobLabels.oldControllerUid]: uid, [jobLabels.controllerUid]: uid, [jobLabels.oldName]: metadata.name, [jobLabels.name]: metadata.name };
  spec.template.metadata = { ...spec.template.metadata, labels: { ...spec.template.metadata?.labels, ...labels } };
  spec.selector = { matchLabels: { [jobLabels.controllerUid]: uid } };
}

/** The pods of an indexed job are hosts, named after it. */
function validateHostnames({ metadata, spec }: Job): FieldError[] {
  const last = (spec.completions ?? 0) - 1;
  if (spec.completionMode !== 'Indexed' || last < 0 || `${metadata.name}-${last}`.length <= longestLabel) return [];
  return [invalidValue('metadata.name', metadata.name, `will not able to create pod with invalid DNS label: ${metadata.name}-${last}`)];
}

/** `whole`: rules that a template of a job (in a cron job) need not meet are left out. */
export function validateJobSpec(spec: Job['spec'], field: string, rules: PodTemplateRules, whole: boolean): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ['parallelism', 'completions', 'backoffLimit', 'activeDeadlineSeconds', 'ttlSecondsAfterFinished', 'backoffLimitPerIndex', 'maxFailedIndexes'] as const) errors.push(...validateCount(`${field}.${name}`, spec[name]));
  const { template, completionMode, completions, parallelism = 0 } = spec;
  if (!template) return [...errors, required(`${field}.template`)];
  const policy = template.spec?.restartPolicy;
  if (policy === undefined || policy === 'Always') errors.push(notSupported(`${field}.template.spec.restartPolicy`, policy ?? '', ['OnFailure', 'Never']));
  if (whole && spec.manualSelector && !spec.selector) errors.push(required(`${field}.selector`));
  if (completionMode && !['Indexed', 'NonIndexed'].includes(completionMode)) errors.push(notSupported(`${field}.completionMode`, completionMode, ['NonIndexed', 'Indexed']));
  if (completionMode === 'Indexed') {
    if (completions === undefined) errors.push(required(`${field}.completions`, 'when completion mode is Indexed'));
    if (parallelism > manyCompletions) errors.push(invalidValue(`${field}.parallelism`, parallelism, `must be less than or equal to ${manyCompletions} when completion mode is Indexed`));
    if ((completions ?? 0) > manyCompletions && parallelism > fewParallel) errors.push(invalidValue(`${field}.parallelism`, parallelism, `must be less than or equal to ${fewParallel} when completions are over ${manyCompletions}`));
  } else {
    for (const name of ['backoffLimitPerIndex', 'successPolicy'] as const) if (spec[name] !== undefined) errors.push(invalidValue(`${field}.${name}`, spec[name], 'requires indexed completion mode'));
  }
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) errors.push(required(`${field}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'));
  if (spec.podFailurePolicy) {
    if (policy !== 'Never') errors.push(invalidValue(`${field}.template.spec.restartPolicy`, policy, 'only "Never" is supported when podFailurePolicy is specified'));
    if (spec.podReplacementPolicy !== 'Failed') errors.push(notSupported(`${field}.podReplacementPolicy`, spec.podReplacementPolicy ?? '', ['Failed']));
    errors.push(...validateFailurePolicy(spec, `${field}.podFailurePolicy`));
  }
  if (spec.successPolicy && completionMode === 'Indexed') errors.push(...validateSuccessPolicy(spec, `${field}.successPolicy`));
  return [...errors, ...validateLabels(template.metadata?.labels, `${field}.template.labels`), ...rules.validate(template, `${field}.template`)];
}

const indexList = /^\d+(-\d+)?(,\d+(-\d+)?)*$/;

function validateSuccessPolicy({ successPolicy, completions = 0 }: Job['spec'], field: string): FieldError[] {
  const rules = successPolicy?.rules ?? [];
  if (rules.length === 0) return [required(`${field}.rules`, 'at least one rules must be specified when the successPolicy is specified')];
  return rules.flatMap(({ succeededIndexes, succeededCount }, at) => {
    const where = `${field}.rules[${at}]`;
    const errors: FieldError[] = [];
    if (succeededIndexes === undefined && succeededCount === undefined) errors.push(required(where, 'at least one of succeededCount or succeededIndexes must be specified'));
    let total: number | undefined;
    if (succeededIndexes !== undefined) {
      const indexes = indexList.test(succeededIndexes) ? [...parseIndexes(succeededIndexes)] : undefined;
      if (!indexes) errors.push(invalidValue(`${where}.succeededIndexes`, succeededIndexes, `error parsing succeededIndexes: cannot convert string to integer for index: "${succeededIndexes}"`));
      else if (Math.max(...indexes) >= completions) errors.push(invalidValue(`${where}.succeededIndexes`, succeededIndexes, `error parsing succeededIndexes: too large index: "${Math.max(...indexes)}"`));
      total = indexes?.length;
    }
    errors.push(...validateCount(`${where}.succeededCount`, succeededCount));
    if (succeededCount !== undefined && succeededCount > completions) errors.push(invalidValue(`${where}.succeededCount`, succeededCount, `must be less than or equal to ${completions} (the number of specified completions)`));
    else if (succeededCount !== undefined && total !== undefined && succeededCount > total) errors.push(invalidValue(`${where}.succeededCount`, succeededCount, `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`));
    return errors;
  });
}

const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];

function validateFailurePolicy({ podFailurePolicy, backoffLimitPerIndex, template }: Job['spec'], field: string): FieldError[] {
  const names = new Set([...(template.spec?.containers ?? []), ...(template.spec?.initContainers ?? [])].map(({ name }) => name));
  return (podFailurePolicy?.rules ?? []).flatMap((rule, at) => {
    const where = `${field}.rules[${at}]`;
    const errors: FieldError[] = [];
    if (!actions.includes(rule.action)) errors.push(notSupported(`${where}.action`, rule.action, actions));
    if (rule.action === 'FailIndex' && backoffLimitPerIndex === undefined) errors.push(invalidValue(`${where}.action`, rule.action, 'requires the backoffLimitPerIndex to be set'));
    if (rule.onExitCodes && rule.onPodConditions?.length) errors.push(invalidValue(where, '', 'specifying both OnExitCodes and OnPodConditions is not supported'));
    if (!rule.onExitCodes && !rule.onPodConditions?.length) errors.push(invalidValue(where, '', 'specifying one of OnExitCodes and OnPodConditions is required'));
    const codes = rule.onExitCodes;
    if (!codes) return errors;
    if (codes.containerName !== undefined && !names.has(codes.containerName)) errors.push(invalidValue(`${where}.onExitCodes.containerName`, codes.containerName, 'must be one of the container or initContainer names in the pod template'));
    if (!['In', 'NotIn'].includes(codes.operator)) errors.push(notSupported(`${where}.onExitCodes.operator`, codes.operator, ['In', 'NotIn']));
    if (codes.values.length === 0) errors.push(invalidValue(`${where}.onExitCodes.values`, codes.values, 'at least one value is required'));
    if (codes.operator === 'In' && codes.values.includes(0)) errors.push(invalidValue(`${where}.onExitCodes.values`, 0, "must not be 0 for the In operator"));
    return errors;
  });
}

function validateUpdate({ spec, status }: Job, { spec: old }: Job): FieldError[] {
  const immutable = (['selector', 'completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'successPolicy', 'managedBy'] as const).filter((name) => !equalJson(spec[name], old[name]));
  const errors: FieldError[] = immutable.map((name) => invalidValue(`spec.${name}`, spec[name], 'field is immutable'));
  // An indexed job may grow or shrink together with its parallelism.
  const elastic = spec.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  if (spec.completions !== old.completions && !elastic) errors.push(invalidValue('spec.completions', spec.completions, 'field is immutable'));
  // While a suspended job has not begun, where its pods go may still change.
  const movable = old.suspend && status?.startTime === undefined;
  const still = (template: Job['spec']['template']) => {
    if (!movable) return template;
    const { nodeSelector: _n, affinity: _a, tolerations: _t, schedulingGates: _g, ...rest } = template.spec ?? { containers: [] };
    return { metadata: {}, spec: rest };
  };
  if (!equalJson(still(spec.template), still(old.template))) errors.push(forbiddenField('spec.template', 'field is immutable'));
  return errors;
}

function statusText({ status, spec, metadata }: Job): string {
  const conditions = status?.conditions as WorkloadCondition[] | undefined;
  const holds = (type: string) => conditionOf(conditions, type)?.status === 'True';
  if (holds('Complete')) return 'Complete';
  if (holds('Failed')) return 'Failed';
  if (metadata.deletionTimestamp) return 'Terminating';
  if (holds('Suspended') || spec.suspend) return 'Suspended';
  if (holds('FailureTarget')) return 'FailureTarget';
  return holds('SuccessCriteriaMet') ? 'SuccessCriteriaMet' : 'Running';
}

function completionsText({ spec, status }: Job): string {
  const done = status?.succeeded ?? 0;
  if (spec.completions !== undefined) return `${done}/${spec.completions}`;
  return (spec.parallelism ?? 0) > 1 ? `${done}/1 of ${spec.parallelism}` : `${done}/1`;
}

function durationText({ status }: Job, now: Date): string {
  if (!status?.startTime) return '';
  const end = status.completionTime ? Date.parse(status.completionTime as string) : now.getTime();
  return humanDuration(end - Date.parse(status.startTime as string));
}

/** With `-o wide` of a cron job. */
export const jobSelectorColumn: Column<Job> = { name: 'Selector', type: 'string', priority: 1, cell: (job) => formatSelector(selector(job)) };
