/** BuildConfig: how an application is built, and when. */
import { buildConfigs, type BuildConfig, type BuildTriggerPolicy } from '../../api/kinds/build.ts';
import { invalidValue, notSupported, required, type FieldError } from '../../api/status.ts';
import type { StoredKind, Subresource } from '../kernel/apiserver/kind.ts';
import { buildConfigColumns } from './build-columns.ts';
import { defaultBuildSpec, validateBuildSpec } from './build-spec-rules.ts';

const policies = ['Serial', 'SerialLatestOnly', 'Parallel'] as const;
const triggerTypes = ['ConfigChange', 'ImageChange', 'GitHub', 'GitLab', 'Bitbucket', 'Generic'] as const;
/** Builds kept of each outcome, for build configs that say nothing when they are made. */
const historyLimit = 5;
/** Names of its builds carry a number, and `-build` for the pod. */
const longestName = 48;

export function buildConfigKind(subresources: Record<string, Subresource<BuildConfig>>): StoredKind<BuildConfig> {
  return {
    type: 'stored',
    resource: buildConfigs,
    statusSubresource: false,
    generation: false,
    defaults(config) {
      config.spec.runPolicy ??= 'Serial';
      config.spec.triggers ??= [];
      for (const trigger of config.spec.triggers) if (trigger.type === 'ImageChange') trigger.imageChange ??= {};
      defaultBuildSpec(config.spec);
      config.status ??= { lastVersion: 0 };
      config.status.lastVersion ??= 0;
    },
    prepareCreate(config) {
      config.spec.successfulBuildsHistoryLimit ??= historyLimit;
      config.spec.failedBuildsHistoryLimit ??= historyLimit;
    },
    prepareUpdate(config, old) {
      // Whoever writes a config without its status must not make numbers of builds come again.
      const before = old.status ?? { lastVersion: 0 };
      const now = (config.status ??= { lastVersion: 0 });
      if (now.lastVersion < before.lastVersion) now.lastVersion = before.lastVersion;
      if (now.imageChangeTriggers === undefined && before.imageChangeTriggers) now.imageChangeTriggers = before.imageChangeTriggers;
    },
    validate: (config) => [...validateName(config), ...validateBuildSpec(config.spec), ...validatePolicy(config), ...validateTriggers(config)],
    columns: buildConfigColumns,
    subresources,
  };
}

function validateName({ metadata: { name } }: BuildConfig): FieldError[] {
  return name.length > longestName ? [invalidValue('metadata.name', name, `must be no more than ${longestName} characters, since names of builds and their pods are made from it`)] : [];
}

function validatePolicy({ spec }: BuildConfig): FieldError[] {
  const errors: FieldError[] = [];
  if (!policies.includes(spec.runPolicy ?? 'Serial')) errors.push(notSupported('spec.runPolicy', spec.runPolicy, policies));
  for (const name of ['successfulBuildsHistoryLimit', 'failedBuildsHistoryLimit'] as const) {
    const limit = spec[name];
    if (limit !== undefined && limit < 0) errors.push(invalidValue(`spec.${name}`, limit, 'must be greater than or equal to 0'));
  }
  return errors;
}

function validateTriggers({ spec }: BuildConfig): FieldError[] {
  const errors: FieldError[] = [];
  const watched = new Set<string>();
  for (const [index, trigger] of (spec.triggers ?? []).entries()) {
    const field = `spec.triggers[${index}]`;
    if (!triggerTypes.includes(trigger.type)) errors.push(notSupported(`${field}.type`, trigger.type, triggerTypes));
    else if (trigger.type === 'ImageChange') errors.push(...validateImageChange(field, trigger, watched));
    else if (trigger.type !== 'ConfigChange') errors.push(...validateWebHook(field, trigger));
  }
  return errors;
}

function validateImageChange(field: string, { imageChange }: BuildTriggerPolicy, watched: Set<string>): FieldError[] {
  const from = imageChange?.from;
  const key = from ? `${from.namespace ?? ''}/${from.name ?? ''}` : '';
  if (watched.has(key)) return [invalidValue('spec.triggers', '', from ? `multiple ImageChange triggers refer to the same image stream tag "${key}"` : 'only one ImageChange trigger may leave out its from')];
  watched.add(key);
  if (!from) return [];
  if (from.kind !== 'ImageStreamTag') return [invalidValue(`${field}.imageChange.from.kind`, from.kind, 'only an ImageStreamTag type of reference is allowed in an ImageChange trigger.')];
  return from.name?.includes(':') ? [] : [invalidValue(`${field}.imageChange.from.name`, from.name, 'ImageStreamTag object references must be in the form <name>:<tag>')];
}

function validateWebHook(field: string, trigger: BuildTriggerPolicy): FieldError[] {
  const name = ({ GitHub: 'github', GitLab: 'gitlab', Bitbucket: 'bitbucket', Generic: 'generic' } as const)[trigger.type as 'GitHub'];
  const hook = trigger[name];
  if (!hook) return [required(`${field}.${name}`)];
  return hook.secret || hook.secretReference ? [] : [required(`${field}.${name}`, 'must provide a value for secret or secretReference')];
}
