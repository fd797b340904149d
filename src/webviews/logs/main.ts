import '../shared/panel.css';
import './logs.css';
import type { LogLine } from '../../protocol/log-feed.ts';
import type { LogOptions, LogsFromPage, LogSource, LogsToPage, LogTexts } from '../../protocol/logs-panel.ts';
import { element, iconButton, place, say, toggleButton } from '../shared/element.ts';
import { connectHost } from '../shared/host.ts';
import { LogView, type LogRow } from '../shared/log-view.ts';
import { searchField } from '../shared/search-field.ts';
import { registerToolkit } from '../shared/toolkit.ts';
import { chipOf, type Chip } from './chip.ts';

type State = Extract<LogsToPage, { type: 'state' }>;

registerToolkit();
const host = connectHost<LogsToPage, LogsFromPage, { query: string }>();
let shown: { view: LogView; update(state: State): void } | undefined;
let current: State | undefined;

host.onMessage((message) => {
  if (message.type === 'state') {
    current = message;
    shown ??= build(message.texts);
    shown.update(message);
  } else shown?.view.receive(message);
});
host.send({ type: 'ready' });

function build(texts: LogTexts): NonNullable<typeof shown> {
  const query = host.remembered().query ?? '';
  const search = searchField(texts, () => view, query, (text) => host.remember({ query: text }));
  const view: LogView = new LogView(texts, { send: host.send, row, onMatches: search.showMatches });
  if (query) view.search(query);
  const title = element('span', { class: 'title' });
  const follow = toggleButton('fold-down', texts.follow, (on) => host.send({ type: 'follow', follow: on }));
  const wrap = toggleButton('word-wrap', texts.wrap, (on) => change({ wrap: on }));
  const timestamps = toggleButton('watch', texts.timestamps, (on) => change({ timestamps: on }));
  const previous = toggleButton('history', texts.previous, (on) => change({ previous: on }));
  const since = sinceDropdown(texts);
  const tools = element('div', { class: 'tools' }, follow.root, wrap.root, timestamps.root, previous.root, since,
    iconButton('clear-all', texts.clear, () => host.send({ type: 'clear' })), iconButton('save-all', texts.saveAll, () => host.send({ type: 'save' })));
  const bar = element('div', { class: 'bar', role: 'toolbar', 'aria-label': texts.tools }, title, tools, element('span', { class: 'fill' }), search.root);
  const sources = element('div', { class: 'chips', role: 'group', 'aria-label': texts.sources });
  const chips = new Map<string, Chip>();
  document.body.append(bar, sources, view.root);

  const update = (state: State) => {
    const { options } = state;
    say(title, state.title);
    title.title = state.title;
    follow.set(state.follow);
    wrap.set(options.wrap);
    timestamps.set(options.timestamps);
    previous.set(options.previous);
    since.value = String(options.since);
    view.setWrap(options.wrap);
    view.setTimestamps(options.timestamps);
    view.setFollow(state.follow);
    view.setTexts({ ...state.texts, empty: emptyText(state) });
    tools.hidden = sources.hidden = state.sources.length === 0;
    search.root.hidden = tools.hidden;
    for (const id of chips.keys()) if (!state.sources.some((one) => one.id === id)) chips.delete(id);
    place(sources, state.sources.map((source) => {
      let chip = chips.get(source.id);
      if (!chip) chips.set(source.id, (chip = chipOf((on) => host.send({ type: 'source', id: source.id, shown: on }))));
      chip.show(source, state.texts);
      return chip.root;
    }));
  };
  return { view, update };
}

function change(options: Partial<LogOptions>): void {
  if (current) host.send({ type: 'options', options: { ...current.options, ...options } });
}

/** Without lines the page says why there are none. */
function emptyText({ sources, texts }: State): string {
  if (sources.length === 0) return texts.choose;
  const why = sources.filter((one) => one.shown && one.detail).map((one) => `${one.container}: ${one.detail}`);
  return why.length > 0 ? why.join('\n') : texts.empty;
}

function sinceDropdown(texts: LogTexts): HTMLElement & { value: string } {
  const choices: [number, string][] = [[0, texts.sinceAll], [300, texts.sinceMinutes], [3600, texts.sinceHour]];
  const drop = element('vscode-dropdown', { class: 'since', 'aria-label': texts.since, title: texts.since }) as HTMLElement & { value: string };
  drop.append(...choices.map(([value, text]) => element('vscode-option', { value: String(value) }, text)));
  drop.addEventListener('change', () => change({ since: Number(drop.value) }));
  return drop;
}

function row(line: LogLine): LogRow {
  const sources: LogSource[] = current?.sources ?? [];
  const source = sources.find((one) => one.id === line.source);
  const several = sources.filter((one) => one.shown).length > 1;
  if (!several || !source) return { line };
  const pods = new Set(sources.map((one) => one.pod));
  return { line, label: { text: pods.size > 1 ? source.pod : source.container, colour: source.colour } };
}
