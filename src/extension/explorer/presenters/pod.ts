import type { Container, ContainerStatus, Pod } from '../../../api/kinds/core.ts';
import { summarizePod } from '../../../api/pod-summary.ts';
import { isPodReady, mirrorAnnotation } from '../../../api/pod.ts';
import { tooltipOf, type IconColour, type Presentation, type Translate } from '../node.ts';
import { stateWord } from '../state-words.ts';

const trouble = /BackOff|Err|Error|Failed|Unknown|OOMKilled|Invalid|Cannot/;

/** True for pods a badge should count. */
export function inTrouble(pod: Pod, now: Date): boolean {
  return trouble.test(summarizePod(pod, now).status);
}

export function presentPod(pod: Pod, t: Translate, now: Date): Presentation {
  const { status, ready, restarts } = summarizePod(pod, now);
  const [icon, colour] = look(status, isPodReady(pod));
  const containers = pod.spec.containers.map((container) => container.image).join(', ');
  return {
    label: pod.metadata.name,
    description: status === 'Running' ? ready : stateWord(status, t),
    icon,
    ...(colour && { colour }),
    tooltip: tooltipOf(pod.metadata.name, [
      [t('State'), stateWord(status, t)], [t('Ready'), ready], [t('Restarts'), restarts], [t('Image'), containers], [t('Node'), pod.spec.nodeName], ['IP', pod.status?.podIP],
      [t('Created'), pod.metadata.creationTimestamp], [t('Reason'), pod.status?.message],
    ]),
    // A mirror pod stands for a part of the platform: nobody can look inside.
    contextValue: status === 'Running' && !pod.metadata.annotations?.[mirrorAnnotation] ? 'pod.running' : 'pod',
    accessibility: t('Pod {0}, {1}', pod.metadata.name, stateWord(status, t)),
    ...(pod.spec.containers.length > 1 && { expand: 'collapsed' as const }),
  };
}

export function presentContainer(container: Container, status: ContainerStatus | undefined, t: Translate): Presentation {
  const running = status?.state?.running !== undefined;
  const reason = running ? 'Running' : (status?.state?.waiting?.reason ?? status?.state?.terminated?.reason ?? 'Pending');
  const state = stateWord(reason, t);
  const colour: IconColour = trouble.test(reason) ? 'testing.iconFailed' : running && status?.ready ? 'testing.iconPassed' : 'disabledForeground';
  return {
    label: container.name,
    description: state,
    icon: trouble.test(reason) ? 'error' : 'package',
    colour,
    tooltip: tooltipOf(container.name, [[t('State'), state], [t('Image'), container.image], [t('Restarts'), status?.restartCount]]),
    contextValue: running ? 'container.running' : 'container',
    accessibility: t('Container {0}, {1}', container.name, state),
  };
}

function look(status: string, ready: boolean): [string, IconColour | undefined] {
  if (trouble.test(status)) return ['error', 'testing.iconFailed'];
  if (status === 'Running') return ready ? ['vm-running', 'testing.iconPassed'] : ['vm-active', 'list.warningForeground'];
  if (status === 'Completed' || status === 'Succeeded') return ['pass', 'disabledForeground'];
  if (status === 'Terminating') return ['circle-slash', 'disabledForeground'];
  return ['sync~spin', 'charts.blue'];
}
