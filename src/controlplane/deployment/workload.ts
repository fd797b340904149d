/** What the kinds that make pods from a template have in common: defaults, rules, columns. */
import type { PodTemplateSpec } from '../../api/kinds/core.ts';
import type { KubeObject, LabelSelector } from '../../api/meta.ts';
import { validateLabels, validateSelectorTerms, type ModelSelector } from '../../api/selector-rules.ts';
import { formatSelector, matches, matchesLabelSelector, selectorOf, type Selector } from '../../api/selector.ts';
import { invalidValue, notSupported, required, type FieldError } from '../../api/status.ts';
import type { Column, StoredKind } from '../kernel/apiserver/kind.ts';

/** Rules of pods, which the pod stage owns. */
export interface PodTemplateRules {
  defaults(template: PodTemplateSpec): void;
  /** `field` is the template's path, e.g. `spec.template`. */
  validate(template: PodTemplateSpec, field: string): FieldError[];
}

export const meets = (selector: ModelSelector | undefined, labels: Record<string, string> | undefined): boolean => matchesLabelSelector(selector as LabelSelector | undefined, labels);
export const parsed = (selector: ModelSelector | undefined): Selector | undefined => selectorOf(selector as LabelSelector | undefined);

export function validateSelector(selector: ModelSelector | undefined, field = 'spec.selector'): FieldError[] {
  const errors: FieldError[] = [];
  if (!selector) return [required(field)];
  if (Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0) === 0) {
    errors.push(invalidValue(field, selector, 'empty selector is invalid for deployment'));
  }
  return [...errors, ...validateSelectorTerms(selector, field)];
}

/** A template for pods that are kept alive: its labels meet the selector, its pods are restarted always. */
export function validateTemplate(template: PodTemplateSpec | undefined, selector: Selector | undefined, rules: PodTemplateRules): FieldError[] {
  const field = 'spec.template';
  if (!template) return [required(field)];
  const errors: FieldError[] = [];
  if (selector && selector.length > 0 && !matches(selector, template.metadata?.labels)) {
    errors.push(invalidValue(`${field}.metadata.labels`, template.metadata?.labels ?? {}, '`selector` does not match template `labels`'));
  }
  errors.push(...validateLabels(template.metadata?.labels, `${field}.labels`));
  const policy = template.spec?.restartPolicy;
  if (policy !== undefined && policy !== 'Always') errors.push(notSupported(`${field}.spec.restartPolicy`, policy, ['Always']));
  if (template.spec?.activeDeadlineSeconds !== undefined) {
    errors.push({ reason: 'FieldValueForbidden', field: `${field}.spec.activeDeadlineSeconds`, message: 'Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported' });
  }
  return [...errors, ...rules.validate(template, field)];
}

export function validateCount(field: string, value: number | undefined): FieldError[] {
  return value !== undefined && value < 0 ? [invalidValue(field, value, 'must be greater than or equal to 0')] : [];
}

/** Shown with `-o wide`. */
export function templateColumns<T extends KubeObject>(template: (object: T) => PodTemplateSpec | undefined, selector: (object: T) => Selector): Column<T>[] {
  const containers = (object: T) => template(object)?.spec?.containers ?? [];
  return [
    { name: 'Containers', type: 'string', priority: 1, cell: (object) => containers(object).map(({ name }) => name).join(',') },
    { name: 'Images', type: 'string', priority: 1, cell: (object) => containers(object).map(({ image }) => image ?? '').join(',') },
    { name: 'Selector', type: 'string', priority: 1, cell: (object) => formatSelector(selector(object)) || '<none>' },
  ];
}

interface Scaled extends KubeObject {
  spec: { replicas?: number };
  status?: { replicas?: number };
}

/** How any of the workloads is scaled. */
export function scaleBy<T extends Scaled>(selector: (object: T) => Selector): NonNullable<StoredKind<T>['scale']> {
  return {
    replicas: ({ spec }) => spec.replicas ?? 1,
    setReplicas: ({ spec }, replicas) => void (spec.replicas = replicas),
    statusReplicas: ({ status }) => status?.replicas ?? 0,
    selector: (object) => formatSelector(selector(object)),
  };
}
