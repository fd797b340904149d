import '../shared/panel.css';
import './logs.css';
import { pageLines, type LogLine, type LogOptions, type LogsFromPage, type LogSource, type LogsToPage, type LogTexts } from '../../protocol/logs-panel.ts';
import { element, icon, iconButton, toggleButton } from '../shared/element.ts';
import { connectHost } from '../shared/host.ts';
import { LogView, type LogRow } from '../shared/log-view.ts';
import { searchField } from '../shared/search-field.ts';
import { registerToolkit } from '../shared/toolkit.ts';

type State = Extract<LogsToPage, { type: 'state' }>;

registerToolkit();
const host = connectHost<LogsToPage, LogsFromPage>();
let view: LogView | undefined;
let current: State | undefined;
const bar = element('div', { class: 'bar', role: 'toolbar' });
const chips = element('div', { class: 'chips', role: 'group' });
const tools = element('span', { class: 'bar-tools' });
tools.style.display = 'contents';

host.onMessage((message) => {
  if (message.type === 'state') show(message);
  else if (message.type === 'lines') {
    if (message.reset) view?.clear();
    view?.append(message.lines.map(toRow));
    view?.setOlder(message.older);
  } else {
    view?.prepend(message.lines.map(toRow));
    view?.setOlder(message.older);
  }
});
host.send({ type: 'ready' });

function show(state: State): void {
  const first = current === undefined;
  current = state;
  if (first) build(state.texts);
  view?.setTexts({ ...state.texts, empty: state.sources.length === 0 ? state.texts.choose : state.texts.empty });
  view?.setWrap(state.options.wrap);
  view?.setTimestamps(state.options.timestamps);
  view?.setFollow(state.options.follow);
  view?.setOlder(state.older);
  tools.replaceChildren(...controls(state));
  chips.hidden = state.sources.length === 0;
  chips.setAttribute('aria-label', state.texts.sources);
  chips.replaceChildren(...state.sources.map(chip));
}

function build(texts: LogTexts): void {
  const search = searchField(texts, () => view as LogView);
  view = new LogView(texts, {
    limit: pageLines,
    onFollow: (follow) => change({ follow }),
    onOlder: (before) => host.send({ type: 'older', before }),
    onMatches: search.showMatches,
  });
  bar.append(tools, element('span', { class: 'fill' }), search.root);
  document.body.append(bar, chips, view.root);
}

function change(options: Partial<LogOptions>): void {
  if (current) host.send({ type: 'options', options: { ...current.options, ...options } });
}

function controls({ title, options, texts }: State): HTMLElement[] {
  return [
    element('span', { class: 'title', title }, title),
    toggleButton(options.follow ? 'debug-pause' : 'debug-start', texts.follow, options.follow, (follow) => change({ follow })),
    toggleButton('word-wrap', texts.wrap, options.wrap, (wrap) => change({ wrap })),
    toggleButton('watch', texts.timestamps, options.timestamps, (timestamps) => change({ timestamps })),
    toggleButton('history', texts.previous, options.previous, (previous) => change({ previous })),
    since(options.since, texts),
    iconButton('clear-all', texts.clear, () => host.send({ type: 'clear' })),
    iconButton('save-all', texts.saveAll, () => host.send({ type: 'save' })),
  ];
}

function since(seconds: number, texts: LogTexts): HTMLElement {
  const choices: [number, string][] = [[0, texts.sinceAll], [300, texts.sinceMinutes], [3600, texts.sinceHour]];
  const drop = element('vscode-dropdown', { class: 'since', 'aria-label': texts.since, title: texts.since }) as HTMLElement & { value: string };
  drop.append(...choices.map(([value, text]) => element('vscode-option', { value: String(value), selected: value === seconds }, text)));
  drop.addEventListener('change', () => change({ since: Number(drop.value) }));
  return drop;
}

function chip(source: LogSource): HTMLElement {
  const name = `${source.pod} · ${source.container}`;
  const mark = { streaming: 'circle-filled', ended: 'circle-outline', waiting: 'loading', failed: 'error' }[source.state];
  const button = element('button', { class: 'chip', type: 'button', 'aria-pressed': String(source.shown), title: source.detail ?? name }, icon(mark, `source-${source.colour}`), name);
  button.addEventListener('click', () => host.send({ type: 'source', id: source.id, shown: !source.shown }));
  return button;
}

function toRow(line: LogLine): LogRow {
  const source = current?.sources.find((one) => one.id === line.source);
  const several = (current?.sources.filter((one) => one.shown).length ?? 0) > 1;
  return { number: line.number, text: line.text, time: line.time, ...(several && source && { label: { text: source.pod, colour: source.colour } }) };
}
