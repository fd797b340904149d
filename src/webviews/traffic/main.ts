import '../shared/panel.css';
import '../shared/editor.css';
import './traffic.css';
import { mostServices, sameShares, withoutService, withService, withShare, type Share } from '../../api/traffic-split.ts';
import type { TrafficFromPage, TrafficTexts, TrafficToPage } from '../../protocol/traffic-panel.ts';
import { element, place, say } from '../shared/element.ts';
import { connectHost } from '../shared/host.ts';
import { problemBar } from '../shared/problem-bar.ts';
import { registerToolkit } from '../shared/toolkit.ts';
import { Draft } from './draft.ts';
import { shareRow, type ShareRow } from './share-row.ts';

registerToolkit();
const host = connectHost<TrafficToPage, TrafficFromPage, object>();
let shown: { update(state: TrafficToPage): void } | undefined;

host.onMessage((message) => {
  shown ??= build(message.texts);
  shown.update(message);
});
host.send({ type: 'ready' });

function build(texts: TrafficTexts): NonNullable<typeof shown> {
  let state: TrafficToPage | undefined;
  const draft = new Draft();
  const title = element('h1', {});
  const url = element('span', { class: 'sub' });
  const open = button(texts.open, 'secondary', () => host.send({ type: 'open' }));
  const apply = button(texts.apply, 'primary', () => host.send({ type: 'apply' }));
  const reset = button(texts.reset, 'secondary', () => {
    host.send({ type: 'reset', edit: draft.change(state?.applied ?? []) });
    draw();
  });
  const problem = problemBar(() => host.send({ type: 'fix' }));
  const loading = element('p', { class: 'hint', role: 'status' }, texts.loading);
  const whole = element('div', { class: 'whole', 'aria-hidden': 'true' });
  const list = element('ul', { class: 'shares', 'aria-label': texts.split });
  const choice = element('vscode-dropdown', { 'aria-label': texts.choose, title: texts.choose }) as HTMLElement & { value: string };
  const add = button(texts.add, 'secondary', () => change(withService(draft.shares, choice.value)));
  const adding = element('div', { class: 'adding' }, choice, add);
  const rest = element('div', {}, whole, list, adding, element('p', { class: 'hint' }, texts.hint));
  const rows = new Map<string, ShareRow>();
  document.body.append(element('main', { class: 'sheet' }, element('div', { class: 'headline' }, title, url, element('span', { class: 'fill' }), element('div', { class: 'actions' }, open, reset, apply)),
    problem.root, loading, rest));

  const change = (next: Share[]) => {
    host.send({ type: 'draft', edit: draft.change(next), shares: next });
    draw();
  };
  const rowActions = {
    share: (service: string, percent: number) => change(withShare(draft.shares, service, percent)),
    remove: (service: string) => change(withoutService(draft.shares, service)),
  };
  const draw = () => {
    if (!state) return;
    const { applied, services, busy, port } = state;
    const { shares } = draft;
    for (const service of rows.keys()) if (!shares.some((one) => one.service === service)) rows.delete(service);
    place(list, shares.map((share, index) => {
      let row = rows.get(share.service);
      if (!row) rows.set(share.service, (row = shareRow(share.service, texts, rowActions)));
      const now = applied.find((one) => one.service === share.service)?.percent ?? 0;
      row.show({ percent: share.percent, now, index, alone: shares.length === 1, found: services.find(({ name }) => name === share.service), port });
      return row.root;
    }));
    drawWhole(whole, shares);
    const others = services.filter(({ name }) => !shares.some(({ service }) => service === name)).map(({ name }) => name);
    offer(choice, others);
    adding.hidden = others.length === 0 || shares.length >= mostServices;
    const changed = !sameShares(shares, applied);
    for (const one of [apply, reset]) one.toggleAttribute('disabled', !changed || busy || applied.length === 0);
  };
  return {
    update(next) {
      state = next;
      draft.hear(next.draft, next.edit);
      say(title, next.route);
      say(url, next.url);
      open.hidden = !next.url;
      problem.show(next.problem);
      loading.hidden = !next.loading;
      rest.hidden = next.applied.length === 0;
      for (const one of [apply, reset]) one.hidden = rest.hidden;
      draw();
    },
  };
}

function button(label: string, appearance: string, press: () => void): HTMLElement {
  const made = element('vscode-button', { appearance }, label);
  made.addEventListener('click', press);
  return made;
}

function drawWhole(whole: HTMLElement, shares: readonly Share[]): void {
  while (whole.children.length < shares.length) whole.append(element('span', { class: `part colour-${whole.children.length}` }));
  while (whole.children.length > shares.length) whole.lastElementChild?.remove();
  shares.forEach(({ percent }, index) => {
    const part = whole.children[index] as HTMLElement;
    part.style.flexGrow = String(percent);
  });
}

/** Keeps what is chosen while it can still be chosen. */
function offer(choice: HTMLElement & { value: string }, names: readonly string[]): void {
  const offered = [...choice.children].map((option) => option.textContent);
  if (offered.length === names.length && offered.every((name, index) => name === names[index])) return;
  const before = choice.value;
  choice.replaceChildren(...names.map((name) => element('vscode-option', { value: name }, name)));
  choice.value = names.includes(before) ? before : (names[0] ?? '');
}
