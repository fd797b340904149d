import { mostReplicas, type RolloutTexts } from '../../protocol/rollout-panel.ts';
import { element, iconButton } from '../shared/element.ts';

export interface Stepper {
  root: HTMLElement;
  show(wanted: number, can: boolean): void;
}

/** How long the number that was asked for is shown before the cluster has heard of it. */
const patienceMs = 3_000;

/** − n +; arrow keys in the number step as well. */
export function makeStepper(texts: RolloutTexts, scale: (replicas: number) => void): Stepper {
  const field = element('input', { type: 'number', min: '0', max: String(mostReplicas), step: '1', 'aria-label': texts.replicas, title: texts.replicas });
  let wanted = 0;
  let askedAt = 0;
  const ask = (value: number) => {
    const next = Math.min(mostReplicas, Math.max(0, Math.round(Number.isFinite(value) ? value : wanted)));
    field.value = String(next);
    if (next === wanted) return;
    wanted = next;
    askedAt = Date.now();
    scale(next);
  };
  field.addEventListener('input', () => field.value !== '' && ask(field.valueAsNumber));
  field.addEventListener('change', () => ask(field.valueAsNumber));
  const root = element('span', { class: 'stepper', role: 'group', 'aria-label': texts.replicas }, iconButton('remove', texts.fewer, () => ask(wanted - 1)), field, iconButton('add', texts.more, () => ask(wanted + 1)));
  return {
    root,
    show(now, can) {
      root.hidden = !can;
      // The answer to an earlier step must not take back a later one.
      if (now !== wanted && Date.now() - askedAt < patienceMs) return;
      wanted = now;
      if (document.activeElement !== field || field.valueAsNumber !== now) field.value = String(now);
    },
  };
}
