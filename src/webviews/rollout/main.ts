import '../shared/panel.css';
import '../shared/editor.css';
import './rollout.css';
import type { RolloutAction, RolloutFromPage, RolloutTexts, RolloutToPage, RolloutView } from '../../protocol/rollout-panel.ts';
import { element, fill, say } from '../shared/element.ts';
import { connectHost } from '../shared/host.ts';
import { problemBar } from '../shared/problem-bar.ts';
import { registerToolkit } from '../shared/toolkit.ts';
import { podGroups } from './pod-groups.ts';
import { revisionTable } from './revision-table.ts';
import { makeStepper } from './stepper.ts';

registerToolkit();
const host = connectHost<RolloutToPage, RolloutFromPage, object>();
let shown: { update(state: RolloutToPage): void } | undefined;

host.onMessage((message) => {
  shown ??= build(message.texts);
  shown.update(message);
});
host.send({ type: 'ready' });

function build(texts: RolloutTexts): NonNullable<typeof shown> {
  const title = element('h1', {});
  const kind = element('span', { class: 'sub' });
  const phase = element('span', { class: 'phase', role: 'status' });
  const paused = element('span', { class: 'phase' }, texts.paused);
  const actions = actionButtons(texts, (action) => host.send({ type: 'act', action }));
  const problem = problemBar(() => host.send({ type: 'fix' }));
  const loading = element('p', { class: 'none', role: 'status' }, texts.loading);
  const stepper = makeStepper(texts, (replicas) => host.send({ type: 'scale', replicas }));
  const ready = element('span', { 'aria-live': 'polite' });
  const strategy = element('span', { class: 'none' });
  const message = element('p', { class: 'message' });
  const trouble = element('p', { class: 'message failed' });
  const off = element('p', { class: 'message' });
  const bar = element('span', {});
  const way = element('div', { class: 'way', 'aria-hidden': 'true' }, bar);
  const groups = podGroups(texts, (name) => host.send({ type: 'pod', name }));
  const table = revisionTable(texts, host.send);
  const rest = element('div', {}, element('div', { class: 'facts' }, stepper.root, ready, strategy), way, message, trouble, off, element('h2', {}, texts.pods), groups.root, table.root);
  document.body.append(element('main', { class: 'sheet' }, element('div', { class: 'headline' }, title, kind, phase, paused, element('span', { class: 'fill' }), actions.root), problem.root, loading, rest));

  const show = (view: RolloutView, busy: boolean) => {
    say(title, view.name);
    say(kind, `${view.kind} · ${view.project}`);
    say(phase, view.phaseText);
    phase.className = `phase ${view.phase}`;
    paused.hidden = !view.paused;
    actions.show(view.actions, busy);
    stepper.show(view.wanted, view.canScale);
    say(ready, fill(texts.ready, view.ready, view.wanted));
    say(strategy, view.strategy);
    // That it is paused is said already.
    phase.hidden = view.paused && view.phase === 'waiting';
    say(message, view.message);
    say(trouble, view.trouble);
    message.className = `message ${view.phase}`;
    say(off, view.disabledTriggers.length > 0 ? fill(texts.triggersOff, view.disabledTriggers.join(', ')) : '');
    way.className = `way ${view.phase}`;
    bar.style.transform = `scaleX(${view.progress.toFixed(3)})`;
    groups.show(view.groups);
    table.show(view.revisions, busy);
  };
  return {
    update({ view, busy, problem: why }) {
      problem.show(why);
      loading.hidden = Boolean(view ?? why);
      rest.hidden = !view;
      phase.hidden = !view;
      paused.hidden = !view?.paused;
      if (view) show(view, busy);
      else actions.show([], busy);
    },
  };
}

/** In the order the host gives; the first is what one is most likely to want. */
function actionButtons(texts: RolloutTexts, press: (action: RolloutAction) => void): { root: HTMLElement; show(actions: readonly RolloutAction[], busy: boolean): void } {
  const buttons = (Object.keys(texts.actions) as RolloutAction[]).map((action): [RolloutAction, HTMLElement] => {
    const button = element('vscode-button', { appearance: 'secondary', 'data-action': action, hidden: true }, texts.actions[action]);
    button.addEventListener('click', () => press(action));
    return [action, button];
  });
  return {
    root: element('div', { class: 'actions' }, ...buttons.map(([, button]) => button)),
    show(actions, busy) {
      for (const [action, button] of buttons) {
        const at = actions.indexOf(action);
        button.hidden = at < 0;
        button.style.order = String(at);
        button.toggleAttribute('disabled', busy);
        // The component writes its attribute from the property, at a time of its own.
        (button as HTMLElement & { appearance: string }).appearance = at === 0 ? 'primary' : 'secondary';
      }
    },
  };
}
