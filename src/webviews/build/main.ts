import '../shared/panel.css';
import './build.css';
import type { BuildFromPage, BuildTexts, BuildToPage, BuildView, StepView } from '../../protocol/build-panel.ts';
import { pageLines } from '../../protocol/logs-panel.ts';
import { element, icon } from '../shared/element.ts';
import { connectHost } from '../shared/host.ts';
import { LogView } from '../shared/log-view.ts';
import { searchField } from '../shared/search-field.ts';
import { registerToolkit } from '../shared/toolkit.ts';
import { duration } from './duration.ts';

registerToolkit();
const host = connectHost<BuildToPage, BuildFromPage>();
let build: BuildView | undefined;
let texts: BuildTexts | undefined;
let view: LogView | undefined;
let ticking: number | undefined;

const title = element('span', { class: 'title' });
const phase = element('span', { class: 'phase', role: 'status' });
const buttons = element('span');
const head = element('div', { class: 'head' });
const steps = element('ol', { class: 'steps' });
const failure = element('div', { class: 'failure', role: 'alert', hidden: true });

host.onMessage((message) => {
  if (message.type === 'build') {
    texts = message.texts;
    build = message.build;
    if (!view) start(message.texts);
    show();
  } else {
    if (message.reset) view?.clear();
    view?.append(message.lines);
  }
});
host.send({ type: 'ready' });

function start(own: BuildTexts): void {
  const search = searchField(own, () => view as LogView);
  view = new LogView(own, { limit: pageLines, onFollow: () => undefined, onMatches: search.showMatches });
  view.setWrap(true);
  document.body.append(element('div', { class: 'bar', role: 'toolbar' }, title, phase, element('span', { class: 'fill' }), search.root, buttons), head, failure, element('div', { class: 'split' }, steps, view.root));
}

function show(): void {
  if (!texts) return;
  title.textContent = build ? build.name : texts.empty;
  phase.hidden = !build;
  phase.textContent = build?.phaseText ?? '';
  phase.className = `phase ${build?.phase ?? ''}`;
  steps.setAttribute('aria-label', texts.steps);
  steps.hidden = !build;
  buttons.replaceChildren(...actions(texts));
  showFailure();
  tick();
  window.clearInterval(ticking);
  // Counts only while something runs and the page is looked at; a page that is hidden is ended by the editor.
  if (build && !build.finishedAt && build.startedAt) ticking = window.setInterval(tick, 200);
}

function tick(): void {
  if (!texts) return;
  const now = Date.now();
  const facts: [string, string | undefined][] = build
    ? [[texts.builder, build.builder], [texts.source, build.source], [texts.commit, build.commit], [texts.elapsed, build.startedAt && duration(build.startedAt, build.finishedAt, now)]]
    : [];
  head.hidden = facts.length === 0;
  head.replaceChildren(...facts.filter(([, value]) => value).map(([name, value]) => element('span', {}, `${name} `, element('b', {}, value ?? ''))));
  const longest = Math.max(1, ...(build?.steps ?? []).map((step) => milliseconds(step, now)));
  steps.replaceChildren(...(build?.steps ?? []).map((step) => row(step, longest, now)));
}

function row(step: StepView, longest: number, now: number): HTMLElement {
  const mark = { waiting: 'circle-outline', running: 'sync', done: 'pass-filled', failed: 'error', skipped: 'circle-slash' }[step.state];
  const state = texts?.states[step.state] ?? step.state;
  const line = element('li', { class: `step ${step.state}`, 'data-step': step.step, 'data-state': step.state, 'aria-label': `${step.title}: ${state}`, title: step.detail ?? `${step.title}: ${state}` },
    icon(mark, step.state === 'running' ? 'codicon-modifier-spin' : ''),
    element('span', { class: 'name' }, step.title),
    element('span', { class: 'took' }, step.startedAt ? duration(step.startedAt, step.finishedAt, now) : ''),
  );
  if (step.detail) line.append(element('span', { class: 'detail' }, step.detail));
  const bar = element('span', { class: 'span' });
  bar.style.transform = `scaleX(${(milliseconds(step, now) / longest).toFixed(3)})`;
  line.append(bar);
  return line;
}

function milliseconds(step: StepView, now: number): number {
  if (!step.startedAt) return 0;
  return Math.max(0, (step.finishedAt ? Date.parse(step.finishedAt) : now) - Date.parse(step.startedAt));
}

function actions(own: BuildTexts): HTMLElement[] {
  const wanted: [boolean | undefined, string, BuildFromPage['type'], string][] = [
    [build?.canCancel, own.cancel, 'cancel', 'secondary'], [build?.canRebuild, own.rebuild, 'rebuild', 'secondary'], [build?.canOpen, own.open, 'open', 'primary'],
  ];
  return wanted.filter(([can]) => can).map(([, label, type, appearance]) => {
    const button = element('vscode-button', { appearance, 'data-action': type }, label);
    button.addEventListener('click', () => {
      // A command in flight cannot be given twice; the next state brings fresh buttons.
      button.setAttribute('disabled', '');
      host.send({ type });
    });
    return button;
  });
}

function showFailure(): void {
  failure.hidden = !build?.failure;
  if (!build?.failure) return;
  const { message, lines, hint } = build.failure;
  failure.replaceChildren(element('strong', {}, message), ...(lines.length ? [element('pre', {}, lines.join('\n'))] : []), ...(hint ? [element('div', {}, icon('lightbulb'), ` ${hint}`)] : []));
}
