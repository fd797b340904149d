import type { ForwardState } from '../../forwards/active-forward.ts';
import type { ForwardSubject } from '../../forwards/forward-plan.ts';
import { kindWord } from '../kind-words.ts';
import { tooltipOf, type IconColour, type Presentation, type Translate } from '../node.ts';

export interface ForwardView {
  cluster: string;
  subject: ForwardSubject;
  localPort: number;
  state: ForwardState;
  problem: string | undefined;
}

export function presentForward({ cluster, subject, localPort, state, problem }: ForwardView, t: Translate): Presentation {
  const address = `localhost:${localPort}`;
  const open = state.type === 'open';
  const why = open ? undefined : waitingText(state.why, subject, t);
  const [icon, colour] = look(state, problem);
  const to = `${subject.name}:${subject.port}`;
  return {
    label: address,
    description: [to, problem ? t('no answer') : why].filter(Boolean).join(' · '),
    icon,
    colour,
    tooltip: tooltipOf(`${address} → ${to}`, [
      [kindWord(subject.kind, t), subject.name], [t('Project'), subject.namespace], [t('Cluster'), cluster], [t('Pod'), open ? state.pod : undefined], [t('State'), why], [t('Last failure'), problem],
    ]),
    contextValue: 'forward',
    accessibility: t('Port forward {0} to {1}, {2}', address, to, problem ?? why ?? (open ? state.pod : '')),
  };
}

/** It turns only while something is on its way. */
function look(state: ForwardState, problem: string | undefined): [string, IconColour] {
  if (problem !== undefined || (state.type === 'waiting' && (state.why === 'NoService' || state.why === 'NoPort'))) return ['warning', 'list.warningForeground'];
  if (state.type === 'open') return ['arrow-swap', 'testing.iconPassed'];
  return state.why === 'NoPod' ? ['sync~spin', 'charts.blue'] : ['debug-disconnect', 'disabledForeground'];
}

export function waitingText(why: Extract<ForwardState, { type: 'waiting' }>['why'], { kind, name, target }: ForwardSubject, t: Translate): string {
  switch (why) {
    case 'NoPod':
      return t('waiting for a pod');
    case 'NoService':
      return t('{0} "{1}" is gone', kindWord(kind, t), name);
    case 'NoPort':
      return t('the pod has no port "{0}"', target);
    case 'NotConnected':
      return t('not connected');
  }
}
