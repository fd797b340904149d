/** What is wrong with labels and selectors as manifests give them, in the real server's words. */
import { labelValueProblem, qualifiedNameProblem } from './selector.ts';
import { forbiddenField, invalidValue, required, type FieldError } from './status.ts';

/** The published models say `string` where only four operators are meant. */
export type ModelSelector = { matchLabels?: Record<string, string>; matchExpressions?: { key: string; operator: string; values?: string[] }[] };

export function validateSelectorTerms(selector: ModelSelector | undefined, field: string): FieldError[] {
  const errors = validateLabels(selector?.matchLabels, `${field}.matchLabels`);
  for (const [at, { key, operator, values }] of (selector?.matchExpressions ?? []).entries()) {
    const where = `${field}.matchExpressions[${at}]`;
    const list = operator === 'In' || operator === 'NotIn';
    if (!['In', 'NotIn', 'Exists', 'DoesNotExist'].includes(operator)) errors.push(invalidValue(`${where}.operator`, operator, 'not a valid selector operator'));
    else if (list && !values?.length) errors.push(required(`${where}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    else if (!list && values?.length) errors.push(forbiddenField(`${where}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    const problem = qualifiedNameProblem(key);
    if (problem) errors.push(invalidValue(`${where}.key`, key, problem));
  }
  return errors;
}

export function validateLabels(labels: Record<string, string> | undefined, field: string): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => {
    const name = qualifiedNameProblem(key);
    if (name) return [invalidValue(field, key, name)];
    const problem = labelValueProblem(value);
    return problem ? [invalidValue(field, value, problem)] : [];
  });
}
