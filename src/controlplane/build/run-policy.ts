/** Which of a build config's waiting builds may start (openshift-controller-manager pkg/build/controller/policy). Pure. */
import { buildAnnotations, buildLabels, finishedPhases, type Build } from '../../api/kinds/build.ts';

export interface PolicyVerdict {
  /** May start now. */
  run: boolean;
  /** Builds, waiting or not yet running, that this one makes needless. */
  cancel: Build[];
}

/** `siblings`: all builds of the same build config; none for a build without one, which depends on nothing. */
export function judge(build: Build, siblings: readonly Build[]): PolicyVerdict {
  if (siblings.length === 0) return { run: true, cancel: [] };
  const active = siblings.filter(isActive);
  if (policyOf(build) === 'Parallel') return { run: !active.some((one) => policyOf(one) !== 'Parallel'), cancel: [] };
  const cancel = policyOf(build) === 'SerialLatestOnly' ? siblings.filter((one) => (one.status.phase === 'New' || one.status.phase === 'Pending') && !one.status.cancelled && numberOf(one) < numberOf(build)) : [];
  // The newer one is about to drop it.
  const overtaken = siblings.some((one) => one.status.phase === 'New' && !one.status.cancelled && policyOf(one) === 'SerialLatestOnly' && numberOf(one) > numberOf(build));
  const next = nextBuilds(siblings.filter((one) => !cancel.includes(one)));
  return { run: !overtaken && active.length === 0 && next.length === 1 && next[0]?.metadata.name === build.metadata.name, cancel };
}

/** Those that go next: the one with the lowest number, or every waiting Parallel build if that one is. */
export function nextBuilds(siblings: readonly Build[]): Build[] {
  const waiting = siblings.filter((one) => one.status.phase === 'New' && !one.status.cancelled);
  const [first, ...rest] = waiting.sort((a, b) => numberOf(a) - numberOf(b));
  if (!first) return [];
  return policyOf(first) === 'Parallel' ? [first, ...rest.filter((one) => policyOf(one) === 'Parallel')] : [first];
}

/** One that was given up is active until its end is written: its pod may still run. */
function isActive({ status }: Build): boolean {
  return status.phase !== 'New' && !finishedPhases.includes(status.phase);
}

function policyOf({ metadata }: Build): string {
  return metadata.labels?.[buildLabels.runPolicy] ?? 'Serial';
}

function numberOf({ metadata }: Build): number {
  return Number(metadata.annotations?.[buildAnnotations.number] ?? 0);
}
