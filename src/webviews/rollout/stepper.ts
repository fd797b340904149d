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
  /** What the workload says. */
  let told = 0;
  /** Runs while the cluster may not have heard of what was asked for. */
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let typing = false;
  const put = () => {
    if (!typing) field.value = String(wanted);
  };
  const believe = () => {
    clearTimeout(waiting);
    waiting = undefined;
    wanted = told;
    put();
  };
  const ask = (value: number) => {
    const next = Math.min(mostReplicas, Math.max(0, Math.round(Number.isFinite(value) ? value : wanted)));
    typing = false;
    if (next !== wanted) {
      wanted = next;
      clearTimeout(waiting);
      // What the cluster refused, or somebody else took back, is not shown for longer than that.
      waiting = setTimeout(believe, patienceMs);
      scale(next);
    }
    put();
  };
  // Only what is typed to its end counts: on the way to 10 lies 1. Arrow keys change it at once.
  field.addEventListener('input', () => (typing = true));
  field.addEventListener('change', () => ask(field.valueAsNumber));
  const root = element('span', { class: 'stepper', role: 'group', 'aria-label': texts.replicas }, iconButton('remove', texts.fewer, () => ask(wanted - 1)), field, iconButton('add', texts.more, () => ask(wanted + 1)));
  return {
    root,
    show(now, can) {
      root.hidden = !can;
      told = now;
      // The answer to an earlier step must not take back a later one.
      if (now === wanted || waiting === undefined) believe();
    },
  };
}
