/** Cron jobs: defaults, rules, columns (kubernetes pkg/apis/batch, pkg/registry/batch/cronjob). */
import { ageOf } from '../../../api/age.ts';
import { cronJobs, type CronJob, type Job } from '../../../api/kinds/batch.ts';
import { invalidValue, notSupported, required, type FieldError } from '../../../api/status.ts';
import { everything } from '../../../api/selector.ts';
import { ageColumn, nameColumn } from '../../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../../kernel/apiserver/kind.ts';
import { parsed, templateColumns, validateCount, type PodTemplateRules } from '../workload.ts';
import { parseSchedule, isTimeZone } from './cron-schedule.ts';
import { defaultJob, validateJobSpec } from './job.ts';

/** A job's name adds eleven characters, and must still be a label's value. */
const longestName = 52;
const policies = ['Allow', 'Forbid', 'Replace'];

export function cronJobKind(rules: PodTemplateRules): Kind {
  return kind<CronJob>({
    type: 'stored',
    resource: cronJobs,
    statusSubresource: true,
    defaults(cron) {
      const spec = (cron.spec ??= {} as CronJob['spec']);
      spec.concurrencyPolicy ??= 'Allow';
      spec.suspend ??= false;
      spec.successfulJobsHistoryLimit ??= 3;
      spec.failedJobsHistoryLimit ??= 1;
      if (spec.jobTemplate?.spec) {
        const template = spec.jobTemplate as { spec: Job['spec'] };
        const untouched = template.spec.manualSelector;
        defaultJob(template, rules);
        if (untouched === undefined) delete template.spec.manualSelector;
      }
    },
    prepareCreate: (cron) => void (cron.status = {}),
    validate(cron, old) {
      const { spec, metadata } = cron;
      const errors: FieldError[] = [];
      if (metadata.name.length > longestName) errors.push(invalidValue('metadata.name', metadata.name, `must be no more than ${longestName} characters`));
      return [...errors, ...validateTimes(spec, old?.spec), ...validateTemplate(spec, rules)];
    },
    columns: [
      nameColumn,
      { name: 'Schedule', type: 'string', cell: ({ spec }) => spec.schedule },
      { name: 'Timezone', type: 'string', cell: ({ spec }) => spec.timeZone ?? '<none>' },
      // As the real server prints it: a boolean in words.
      { name: 'Suspend', type: 'boolean', cell: ({ spec }) => (spec.suspend ? 'True' : 'False') },
      { name: 'Active', type: 'integer', cell: ({ status }) => status?.active?.length ?? 0 },
      { name: 'Last Schedule', type: 'string', cell: ({ status }, now) => (status?.lastScheduleTime ? ageOf(status.lastScheduleTime as string, now) : '<none>') },
      ageColumn,
      ...templateColumns<CronJob>(({ spec }) => spec.jobTemplate?.spec?.template, ({ spec }) => parsed(spec.jobTemplate?.spec?.selector) ?? everything),
    ],
  });
}

function validateTimes(spec: CronJob['spec'], old: CronJob['spec'] | undefined): FieldError[] {
  const errors: FieldError[] = [];
  if (!spec.schedule) errors.push(required('spec.schedule'));
  else {
    try {
      // What was accepted before is not refused because of an unrelated change.
      if (spec.schedule !== old?.schedule) parseSchedule(spec.schedule);
    } catch (error) {
      errors.push(invalidValue('spec.schedule', spec.schedule, (error as Error).message));
    }
  }
  if (spec.timeZone !== undefined && spec.timeZone !== old?.timeZone && !isTimeZone(spec.timeZone)) errors.push(invalidValue('spec.timeZone', spec.timeZone, spec.timeZone === '' ? 'timeZone must be nil or non-empty string' : `unknown time zone ${spec.timeZone}`));
  if (!policies.includes(spec.concurrencyPolicy ?? '')) errors.push(notSupported('spec.concurrencyPolicy', spec.concurrencyPolicy ?? '', policies));
  for (const name of ['startingDeadlineSeconds', 'successfulJobsHistoryLimit', 'failedJobsHistoryLimit'] as const) errors.push(...validateCount(`spec.${name}`, spec[name]));
  return errors;
}

function validateTemplate({ jobTemplate }: CronJob['spec'], rules: PodTemplateRules): FieldError[] {
  const spec = jobTemplate?.spec;
  if (!spec) return [required('spec.jobTemplate.spec')];
  const field = 'spec.jobTemplate.spec';
  return [
    ...(spec.manualSelector !== undefined ? [notSupported(`${field}.manualSelector`, String(spec.manualSelector), ['nil'])] : []),
    ...(spec.selector !== undefined ? [invalidValue(`${field}.selector`, spec.selector, '`selector` will be auto-generated')] : []),
    ...validateJobSpec(spec, field, rules, false),
  ];
}
