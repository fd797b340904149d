/** How a route shares its requests among services, in whole percents. Pure. */
import type { Route, RouteTarget } from './kinds/route.ts';

export interface Share {
  service: string;
  /** 0 to 100; all of them together are 100, or 0 where a route gives none any weight. */
  percent: number;
}

/** A route has one service and up to this many alternates. */
export const mostServices = 4;
/** What a service without a weight has. */
const usualWeight = 100;

export function sharesOf({ spec }: Pick<Route, 'spec'>): Share[] {
  const targets = [spec.to, ...(spec.alternateBackends ?? [])];
  const weights = targets.map(({ weight }) => weight ?? usualWeight);
  const percents = parts(100, weights);
  return targets.map(({ name }, index) => ({ service: name, percent: percents[index] ?? 0 }));
}

/** One gets `percent`; the others share the rest as they did before. */
export function withShare(shares: readonly Share[], service: string, percent: number): Share[] {
  const others = shares.filter((one) => one.service !== service);
  if (others.length === 0) return shares.map((one) => ({ ...one, percent: 100 }));
  const given = Math.min(100, Math.max(0, Math.round(percent)));
  const weights = others.map((one) => one.percent);
  const rest = parts(100 - given, weights.some((weight) => weight > 0) ? weights : weights.map(() => 1));
  return shares.map((one) => ({ ...one, percent: one.service === service ? given : (rest[others.indexOf(one)] ?? 0) }));
}

/** A new one begins with nothing: adding it changes no answer. */
export function withService(shares: readonly Share[], service: string): Share[] {
  return shares.length >= mostServices || shares.some((one) => one.service === service) ? [...shares] : [...shares, { service, percent: 0 }];
}

/** Its share goes to the others. The last one stays. */
export function withoutService(shares: readonly Share[], service: string): Share[] {
  if (shares.length < 2) return [...shares];
  return withShare(shares, service, 0).filter((one) => one.service !== service);
}

/** A merge patch. */
export function splitPatch(shares: readonly Share[]): { spec: { to: RouteTarget; alternateBackends: RouteTarget[] | null } } {
  const [first, ...others] = shares.map(({ service, percent }): RouteTarget => ({ kind: 'Service', name: service, weight: percent }));
  if (!first) throw new Error('a route needs a service');
  return { spec: { to: others.length > 0 ? first : { ...first, weight: usualWeight }, alternateBackends: others.length > 0 ? others : null } };
}

export function sameShares(a: readonly Share[], b: readonly Share[]): boolean {
  return a.length === b.length && a.every((one, index) => one.service === b[index]?.service && one.percent === b[index]?.percent);
}

/** `whole` in whole parts by weight; what rounding leaves goes to those it took most from. */
function parts(whole: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((all, weight) => all + weight, 0);
  if (sum === 0) return weights.map(() => 0);
  const exact = weights.map((weight) => (whole * weight) / sum);
  const rounded = exact.map(Math.floor);
  const left = whole - rounded.reduce((all, part) => all + part, 0);
  const order = exact.map((value, index) => ({ index, lost: value - Math.floor(value) })).sort((a, b) => b.lost - a.lost || a.index - b.index);
  for (const { index } of order.slice(0, left)) rounded[index] = (rounded[index] ?? 0) + 1;
  return rounded;
}
