/** Which of a build config's waiting builds may start (openshift-controller-manager pkg/build/controller/policy). Pure. */
import { buildAnnotations, buildLabels, finishedPhases, type Build } from '../../api/kinds/build.ts';

export interface PolicyVerdict {
  /** May start now. */
  run: boolean;
  /** Waiting builds that a newer one makes needless. */
  cancel: Build[];
}

/** `siblings`: all builds of the same build config. */
export function judge(build: Build, siblings: readonly Build[]): PolicyVerdict {
  const others = siblings.filter((one) => one.metadata.name !== build.metadata.name && !finishedPhases.includes(one.status.phase) && !one.status.cancelled);
  const active = others.filter((one) => one.status.phase !== 'New');
  const waiting = others.filter((one) => one.status.phase === 'New');
  const policy = build.metadata.labels?.[buildLabels.runPolicy] ?? 'Serial';
  if (policy === 'Parallel') return { run: !others.some((one) => isSerial(one) && (one.status.phase !== 'New' || numberOf(one) < numberOf(build))), cancel: [] };
  if (policy === 'SerialLatestOnly') {
    const newer = waiting.some((one) => numberOf(one) > numberOf(build));
    return { run: active.length === 0 && !newer, cancel: waiting.filter((one) => numberOf(one) < numberOf(build)) };
  }
  return { run: active.length === 0 && !waiting.some((one) => numberOf(one) < numberOf(build)), cancel: [] };
}

function isSerial(build: Build): boolean {
  return build.metadata.labels?.[buildLabels.runPolicy] !== 'Parallel';
}

function numberOf(build: Build): number {
  return Number(build.metadata.annotations?.[buildAnnotations.number] ?? 0);
}
