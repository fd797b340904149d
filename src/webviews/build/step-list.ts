import type { BuildTexts, StepView } from '../../protocol/build-panel.ts';
import type { StepState } from '../../protocol/build-progress.ts';
import { element, icon, place, say } from '../shared/element.ts';
import { duration } from '../../api/duration.ts';

const marks: Record<StepState, string> = { waiting: 'circle-outline', running: 'sync', done: 'pass-filled', failed: 'error', skipped: 'circle-slash' };

interface Row {
  root: HTMLElement;
  show(step: StepView, longest: number, now: number): void;
}

/** The steps, each with state, duration, and a bar as long as its share of the slowest one. */
export function stepList(texts: BuildTexts): { root: HTMLElement; /** `quoted` stands under the step that failed. */ show(steps: readonly StepView[], quoted: HTMLElement, now: number): void } {
  const root = element('ol', { class: 'steps', 'aria-label': texts.steps });
  const rows = new Map<string, Row>();
  return {
    root,
    show(steps, quoted, now) {
      for (const step of rows.keys()) if (!steps.some((one) => one.step === step)) rows.delete(step);
      const longest = Math.max(1, ...steps.map((step) => took(step, now)));
      const shown = steps.map((step) => {
        let row = rows.get(step.step);
        if (!row) rows.set(step.step, (row = makeRow(texts)));
        row.show(step, longest, now);
        return row.root;
      });
      const failed = steps.findIndex((step) => step.state === 'failed');
      place(root, failed < 0 ? [...shown, quoted] : shown.toSpliced(failed + 1, 0, quoted));
    },
  };
}

/** Changes in place: a spinner that is made anew five times a second never turns. */
function makeRow(texts: BuildTexts): Row {
  const mark = element('span', { class: 'mark' });
  const name = element('span', { class: 'name' });
  const time = element('span', { class: 'took' });
  const detail = element('span', { class: 'detail' });
  const bar = element('span', { class: 'span' });
  const root = element('li', {}, mark, name, detail, time, bar);
  let state: StepState | undefined;
  return {
    root,
    show(step, longest, now) {
      say(name, step.title);
      say(time, step.startedAt ? duration(step.startedAt, step.finishedAt, now) : '');
      say(detail, step.detail ?? '');
      bar.style.transform = `scaleX(${(took(step, now) / longest).toFixed(3)})`;
      const said = `${step.title}: ${texts.states[step.state]}`;
      root.title = step.detail ? `${said}\n${step.detail}` : said;
      if (state === step.state) return;
      state = step.state;
      root.className = `step ${state}`;
      root.dataset.step = step.step;
      root.dataset.state = state;
      root.setAttribute('aria-label', said);
      if (state === 'running' || state === 'failed') root.scrollIntoView({ block: 'nearest' });
      place(mark, [icon(marks[state], state === 'running' ? 'codicon-modifier-spin' : '')]);
    },
  };
}

function took(step: StepView, now: number): number {
  if (!step.startedAt) return 0;
  return Math.max(0, (step.finishedAt ? Date.parse(step.finishedAt) : now) - Date.parse(step.startedAt));
}
