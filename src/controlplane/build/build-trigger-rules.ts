/** Defaults and rules of a build config's triggers (openshift-apiserver pkg/build/apis/build/validation). */
import { strategyFrom, type BuildConfig, type BuildTriggerPolicy, type WebHookTrigger } from '../../api/kinds/build.ts';
import { invalidValue, required, type FieldError } from '../../api/status.ts';
import { validateImageReference } from './image-reference-rules.ts';

const hooks = { GitHub: 'github', GitLab: 'gitlab', Bitbucket: 'bitbucket', Generic: 'generic' } as const;
/** Words of the first version of the API. */
const deprecated: Partial<Record<string, BuildTriggerPolicy['type']>> = { github: 'GitHub', generic: 'Generic', imageChange: 'ImageChange' };

export function defaultTriggers(triggers: readonly BuildTriggerPolicy[]): void {
  for (const trigger of triggers) {
    trigger.type = deprecated[trigger.type] ?? trigger.type;
    if (trigger.type === 'ImageChange') trigger.imageChange ??= {};
    const from = trigger.imageChange?.from;
    if (from && !from.kind) from.kind = 'ImageStreamTag';
  }
}

/** The webhook of that type, if the trigger is one. */
export function webHookOf(trigger: BuildTriggerPolicy): WebHookTrigger | undefined {
  return isHook(trigger.type) ? trigger[hooks[trigger.type]] : undefined;
}

export function validateTriggers(config: BuildConfig): FieldError[] {
  const errors: FieldError[] = [];
  const watched = new Set<string>();
  for (const [index, trigger] of (config.spec.triggers ?? []).entries()) {
    const field = `spec.triggers[${index}]`;
    if (!trigger.type) errors.push(required(`${field}.type`));
    else if (trigger.type === 'ImageChange') errors.push(...validateImageChange(config, trigger, field, watched));
    else if (isHook(trigger.type)) errors.push(...validateHook(trigger.type, webHookOf(trigger), `${field}.${hooks[trigger.type]}`));
    else if (trigger.type !== 'ConfigChange') errors.push(invalidValue(`${field}.type`, trigger.type, 'invalid trigger type'));
  }
  return errors;
}

function isHook(type: string): type is keyof typeof hooks {
  return type in hooks;
}

function validateImageChange({ metadata, spec }: BuildConfig, { imageChange }: BuildTriggerPolicy, field: string, watched: Set<string>): FieldError[] {
  const own = strategyFrom(spec.strategy);
  const from = imageChange?.from ?? own;
  const key = from?.kind === 'ImageStreamTag' ? `${from.namespace ?? metadata.namespace ?? ''}/${from.name ?? ''}` : 'nil';
  const errors = watched.has(key) ? [invalidValue('spec.triggers', '', 'multiple ImageChange triggers refer to the same image stream tag')] : [];
  watched.add(key);
  if (!imageChange?.from) {
    if (own?.kind === 'ImageStreamTag') return errors;
    return [invalidValue(`${field}.imageChange`, `build from: ${own?.name ?? ''}`, 'a default ImageChange trigger can only be used when the build strategy includes an ImageStreamTag reference.'), ...errors];
  }
  const { kind = '' } = imageChange.from;
  if (kind !== 'ImageStreamTag') return [invalidValue(`${field}.imageChange.from.kind`, kind, 'only an ImageStreamTag type of reference is allowed in an ImageChange trigger.'), ...errors];
  return [...validateImageReference(imageChange.from, `${field}.imageChange.from`), ...errors];
}

/** The values of refusals never hold the secret: they reach logs and events. */
function validateHook(type: string, hook: WebHookTrigger | undefined, field: string): FieldError[] {
  if (!hook) return [required(field)];
  const errors: FieldError[] = [];
  if (!hook.secret && !hook.secretReference) errors.push(invalidValue(field, '', 'must provide a value for at least one of secret or secretReference'));
  if (hook.secretReference && !hook.secretReference.name) errors.push(required(`${field}.secretReference.name`));
  if (type !== 'Generic' && hook.allowEnv) errors.push(invalidValue(`${field}.allowEnv`, true, 'git webhooks cannot allow env vars'));
  return errors;
}
