/** Label selectors as objects carry them (`matchLabels`, `matchExpressions`). */
import type { LabelSelector } from './meta.ts';

type Labels = Readonly<Record<string, string>> | undefined;
type Selector = Pick<LabelSelector, 'matchLabels'> & { matchExpressions?: { key: string; operator: string; values?: string[] }[] };

/** An absent selector matches nothing, an empty one everything. */
export function matchesLabelSelector(selector: Selector | undefined, labels: Labels): boolean {
  if (!selector) return false;
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (labels?.[key] !== value) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values }) => matchesRequirement(key, operator, values, labels));
}

/** One requirement of a label or node selector; `Gt` and `Lt` compare whole numbers. */
export function matchesRequirement(key: string, operator: string, values: readonly string[] | undefined, labels: Labels): boolean {
  const value = labels?.[key];
  switch (operator) {
    case 'In':
      return value !== undefined && (values ?? []).includes(value);
    case 'NotIn':
      return value === undefined || !(values ?? []).includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      const [left, right] = [Number(value), Number(values?.[0])];
      return value !== undefined && Number.isInteger(left) && Number.isInteger(right) && (operator === 'Gt' ? left > right : left < right);
    }
    default:
      return false;
  }
}
