/** What an RBAC rule allows (kubernetes.io, "Using RBAC Authorization"; apiserver pkg/registry/rbac/validation). */
import type { PolicyRule } from '../../../api/kinds/rbac.ts';
import type { RequestAttributes } from '../../kernel/apiserver/ports.ts';

const all = '*';

export function rulesAllow(rules: readonly PolicyRule[] | null | undefined, attributes: RequestAttributes): boolean {
  return rules?.some((rule) => ruleAllows(rule, attributes)) ?? false;
}

function ruleAllows(rule: PolicyRule, attributes: RequestAttributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false;
  if (attributes.path !== undefined) return rule.nonResourceURLs?.some((pattern) => coversPath(pattern, attributes.path ?? '')) ?? false;
  return (
    has(rule.apiGroups, attributes.group) &&
    coversResource(rule.resources, attributes.subresource ? `${attributes.resource}/${attributes.subresource}` : attributes.resource, attributes.subresource) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(attributes.name ?? ''))
  );
}

function has(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes(value) || list.includes(all));
}

function coversResource(resources: readonly string[] | undefined, full: string, subresource: string | undefined): boolean {
  return has(resources, full) || (subresource !== undefined && (resources?.includes(`*/${subresource}`) ?? false));
}

/** `/healthz/*` covers everything below; `*` everything. */
function coversPath(pattern: string, path: string): boolean {
  return pattern === all || pattern === path || (pattern.endsWith(all) && path.startsWith(pattern.slice(0, -1)));
}

/** The parts of `wanted` that `held` does not cover, each a rule with one verb on one thing. */
export function missingRules(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((part) => !held.some((rule) => coversPart(rule, part)));
}

function breakDown(rule: PolicyRule): PolicyRule[] {
  const parts: PolicyRule[] = [];
  for (const verb of rule.verbs) {
    for (const url of rule.nonResourceURLs ?? []) parts.push({ verbs: [verb], nonResourceURLs: [url] });
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        const names = rule.resourceNames?.length ? rule.resourceNames : [undefined];
        for (const name of names) parts.push({ verbs: [verb], apiGroups: [group], resources: [resource], ...(name !== undefined && { resourceNames: [name] }) });
      }
    }
  }
  return parts;
}

function coversPart(rule: PolicyRule, part: PolicyRule): boolean {
  if (!has(rule.verbs, part.verbs[0] ?? '')) return false;
  const url = part.nonResourceURLs?.[0];
  if (url !== undefined) return rule.nonResourceURLs?.some((pattern) => coversPath(pattern, url)) ?? false;
  const resource = part.resources?.[0] ?? '';
  const name = part.resourceNames?.[0];
  return (
    has(rule.apiGroups, part.apiGroups?.[0] ?? '') && coversResource(rule.resources, resource, resource.split('/')[1]) &&
    (!rule.resourceNames?.length || (name !== undefined && rule.resourceNames.includes(name)))
  );
}

/** Rules of one kind of thing joined by what they share, as listings show them. */
export function compactRules(rules: readonly PolicyRule[]): PolicyRule[] {
  const joined = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames, rule.nonResourceURLs]);
    const known = joined.get(key);
    if (known) known.verbs = [...new Set([...known.verbs, ...rule.verbs])];
    else joined.set(key, { ...rule, verbs: [...rule.verbs] });
  }
  return [...joined.values()];
}

/** As the real server prints a rule in a refusal. */
export function formatRule(rule: PolicyRule): string {
  const parts: [string, readonly string[] | undefined][] = [
    ['APIGroups', rule.apiGroups], ['Resources', rule.resources], ['ResourceNames', rule.resourceNames], ['NonResourceURLs', rule.nonResourceURLs], ['Verbs', rule.verbs],
  ];
  return `{${parts.filter(([, list]) => list?.length).map(([name, list]) => `${name}:[${(list ?? []).map((one) => JSON.stringify(one)).join(' ')}]`).join(', ')}}`;
}
