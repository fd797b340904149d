/** BuildConfig: how an application is built, and when. */
import { buildConfigs, type BuildConfig } from '../../api/kinds/build.ts';
import { invalidValue, type FieldError } from '../../api/status.ts';
import type { StoredKind, Subresource } from '../kernel/apiserver/kind.ts';
import { buildConfigColumns } from './build-columns.ts';
import { defaultBuildSpec, validateBuildSpec } from './build-spec-rules.ts';
import { defaultTriggers, validateTriggers } from './build-trigger-rules.ts';

const policies = ['Serial', 'SerialLatestOnly', 'Parallel'] as const;
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
      defaultBuildSpec(config.spec);
      config.spec.triggers ??= [];
      defaultTriggers(config.spec.triggers);
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
  if (!policies.includes(spec.runPolicy ?? 'Serial')) errors.push(invalidValue('spec.runPolicy', spec.runPolicy, 'run policy must Parallel, Serial, or SerialLatestOnly'));
  for (const name of ['successfulBuildsHistoryLimit', 'failedBuildsHistoryLimit'] as const) {
    const limit = spec[name];
    if (limit !== undefined && limit < 0) errors.push(invalidValue(`spec.${name}`, limit, 'must be greater than or equal to 0'));
  }
  return errors;
}
