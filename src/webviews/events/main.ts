import '../shared/panel.css';
import './events.css';
import type { EventRow, EventsFromPage, EventsToPage, EventTexts } from '../../protocol/events-panel.ts';
import { element, fill, place, say, toggleButton } from '../shared/element.ts';
import { connectHost } from '../shared/host.ts';
import { problemBar } from '../shared/problem-bar.ts';
import { registerToolkit } from '../shared/toolkit.ts';
import { makeEvent, type EventElement } from './event-element.ts';

registerToolkit();
const host = connectHost<EventsToPage, EventsFromPage, { filter: string; warnings: boolean }>();
let shown: { update(state: EventsToPage): void } | undefined;

host.onMessage((message) => {
  shown ??= build(message.texts);
  shown.update(message);
});
host.send({ type: 'ready' });

function build(texts: EventTexts): NonNullable<typeof shown> {
  let { filter = '', warnings = false } = host.remembered();
  let state: EventsToPage | undefined;
  const title = element('span', { class: 'title' });
  const whole = element('vscode-button', { appearance: 'secondary', hidden: true }, texts.wholeProject);
  whole.addEventListener('click', () => host.send({ type: 'project' }));
  const only = toggleButton('warning', texts.warnings, (on) => change(filter, on));
  const field = element('vscode-text-field', { placeholder: texts.filter, 'aria-label': texts.filter, class: 'filter', value: filter }) as HTMLElement & { value: string };
  field.addEventListener('input', () => change(field.value, warnings));
  field.addEventListener('keydown', ({ key }) => {
    if (key !== 'Escape') return;
    field.value = '';
    change('', warnings);
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'f' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    field.focus();
  });
  const count = element('span', { class: 'count', role: 'status', 'aria-live': 'polite' });
  const bar = element('div', { class: 'bar', role: 'toolbar', 'aria-label': texts.tools }, title, whole, element('span', { class: 'fill' }), only.root, field, count);
  const problem = problemBar(() => host.send({ type: 'fix' }));
  const list = element('ul', { class: 'events', 'aria-label': texts.events, tabindex: '0' });
  const note = element('div', { class: 'note', hidden: true }, texts.newest);
  const elements = new Map<string, EventElement>();
  document.body.append(bar, problem.root, list, note);

  const change = (text: string, on: boolean) => {
    filter = text;
    warnings = on;
    host.remember({ filter, warnings });
    draw();
  };
  const draw = () => {
    if (!state) return;
    const found = state.rows.filter((row) => (!warnings || row.warning) && fits(row, filter));
    for (const id of elements.keys()) if (!state.rows.some((row) => row.id === id)) elements.delete(id);
    place(list, found.map((row) => {
      let one = elements.get(row.id);
      if (!one) elements.set(row.id, (one = makeEvent(texts, (kind, name) => host.send({ type: 'describe', kind, name }))));
      one.show(row);
      return one.root;
    }));
    list.dataset.empty = state.rows.length > 0 ? texts.noMatch : state.loading ? texts.loading : state.problem ? '' : texts.empty;
    only.set(warnings);
    say(count, found.length < state.rows.length ? fill(texts.shown, found.length, state.rows.length) : '');
  };
  return {
    update(next) {
      state = next;
      say(title, next.title);
      title.title = next.title;
      whole.hidden = next.whole;
      problem.show(next.problem);
      note.hidden = !next.more;
      draw();
    },
  };
}

/** Every word is somewhere in the row. */
function fits(row: EventRow, filter: string): boolean {
  const text = `${row.reason} ${row.kind} ${row.name} ${row.message} ${row.component}`.toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
