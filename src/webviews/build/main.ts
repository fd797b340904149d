import '../shared/panel.css';
import './build.css';
import type { BuildFromPage, BuildTexts, BuildToPage, BuildView } from '../../protocol/build-panel.ts';
import { element, icon, place, say, toggleButton } from '../shared/element.ts';
import { connectHost } from '../shared/host.ts';
import { LogView } from '../shared/log-view.ts';
import { searchField } from '../shared/search-field.ts';
import { registerToolkit } from '../shared/toolkit.ts';
import { actionButtons } from './actions.ts';
import { buildChips } from './chips.ts';
import { duration } from '../../api/duration.ts';
import { stepList } from './step-list.ts';

type State = Extract<BuildToPage, { type: 'build' }>;

/** How often running times are counted on, while a build runs and the page is looked at. */
const tickMs = 200;

registerToolkit();
const host = connectHost<BuildToPage, BuildFromPage, { query: string }>();
let shown: { view: LogView; update(state: State): void } | undefined;
let ticking: number | undefined;

host.onMessage((message) => {
  if (message.type === 'build') {
    shown ??= build(message.texts);
    shown.update(message);
  } else shown?.view.receive(message);
});
host.send({ type: 'ready' });

function build(texts: BuildTexts): NonNullable<typeof shown> {
  const query = host.remembered().query ?? '';
  const search = searchField(texts, () => view, query, (text) => host.remember({ query: text }));
  const view: LogView = new LogView(texts, { send: host.send, row: (line) => ({ line }), onMatches: search.showMatches, onLink: ({ path, line, column }) => host.send({ type: 'link', path, line, ...(column !== undefined && { column }) }) });
  if (query) view.search(query);
  view.setWrap(true);
  const title = element('span', { class: 'title' });
  const phase = element('span', { class: 'phase', role: 'status' });
  const follow = toggleButton('fold-down', texts.follow, (on) => host.send({ type: 'follow', follow: on }));
  const actions = actionButtons(texts, (type) => host.send({ type }));
  const head = element('div', { class: 'head' });
  const steps = stepList(texts);
  const failure = element('li', { class: 'failure', role: 'alert', hidden: true });
  const tools = element('div', { class: 'tools' }, follow.root, search.root);
  const bar = element('div', { class: 'bar', role: 'toolbar', 'aria-label': texts.tools }, title, phase, actions.root, element('span', { class: 'fill' }), tools);
  const chips = buildChips({ select: (id) => host.send({ type: 'select', id }), unfollow: (id) => host.send({ type: 'unfollow', id }) });
  document.body.append(chips.root, bar, head, element('div', { class: 'split' }, steps.root, view.root));

  const update = (state: State) => {
    const { build: one } = state;
    chips.show(state.tabs, state.texts);
    say(title, one?.name ?? '');
    say(phase, one?.phaseText ?? '');
    phase.className = `phase ${one?.phase ?? ''}`;
    bar.hidden = head.hidden = steps.root.hidden = !one;
    view.setTexts({ ...state.texts, empty: one ? state.texts.empty : state.texts.choose });
    view.setFollow(state.follow);
    follow.set(state.follow);
    actions.show(one);
    showFailure(failure, one, state.texts);
    window.clearInterval(ticking);
    if (!one) return;
    const tick = () => {
      const now = Date.now();
      showFacts(head, one, state.texts, now);
      steps.show(one.steps, failure, now);
    };
    tick();
    if (!one.finishedAt && one.startedAt) ticking = window.setInterval(tick, tickMs);
  };
  return { view, update };
}

function showFacts(head: HTMLElement, build: BuildView, texts: BuildTexts, now: number): void {
  const elapsed = build.startedAt && duration(build.startedAt, build.finishedAt, now);
  const facts: [string, string | undefined][] = [[texts.strategy, build.strategy === 'Source' ? undefined : build.strategy], [texts.builder, build.builder === build.strategy ? undefined : build.builder], [texts.source, build.source], [texts.commit, build.commit], [texts.elapsed, elapsed]];
  const rows = facts.filter(([, value]) => value);
  if (head.childElementCount !== rows.length) head.replaceChildren(...rows.map(() => element('span', { class: 'fact' }, element('span', {}), ' ', element('b', {}))));
  rows.forEach(([name, value], index) => {
    const fact = head.children[index];
    if (!fact?.firstElementChild || !fact.lastElementChild) return;
    say(fact.firstElementChild, name);
    say(fact.lastElementChild, value ?? '');
  });
}

function showFailure(panel: HTMLElement, build: BuildView | undefined, texts: BuildTexts): void {
  panel.hidden = !build?.failure;
  if (!build?.failure) return;
  const { message, lines, hint, file } = build.failure;
  const open = element('vscode-button', { appearance: 'secondary', 'data-action': 'openFile' }, texts.openFile.replace('{0}', file ?? ''));
  open.addEventListener('click', () => host.send({ type: 'openFile' }));
  const parts = [
    element('strong', {}, message),
    ...(lines.length > 0 ? [element('pre', { tabindex: '0', 'aria-label': texts.log }, lines.join('\n'))] : []),
    ...(hint ? [element('div', { class: 'hint' }, icon('lightbulb'), element('span', {}, hint), ...(file ? [open] : []))] : []),
  ];
  if (panel.textContent === parts.map((part) => part.textContent).join('')) return;
  place(panel, parts);
  // The list scrolls: what went wrong is what one came to see.
  requestAnimationFrame(() => panel.scrollIntoView({ block: 'nearest' }));
}
