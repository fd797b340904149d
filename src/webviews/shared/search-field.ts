/** The search of a log: field, count, previous and next. Enter goes on, Shift+Enter back, Escape empties; Ctrl+F leads here. */
import type { FeedTexts } from '../../protocol/log-feed.ts';
import { element, iconButton } from './element.ts';
import type { LogView } from './log-view.ts';

export interface SearchField {
  root: HTMLElement;
  showMatches(text: string): void;
}

/** `view` is asked for late: field and view need each other. `query`: what was searched for before the page was hidden. */
export function searchField(texts: FeedTexts, view: () => LogView, query: string, onQuery: (query: string) => void): SearchField {
  const field = element('vscode-text-field', { placeholder: texts.search, 'aria-label': texts.search, class: 'search', value: query }) as HTMLElement & { value: string };
  const count = element('span', { class: 'count', role: 'status', 'aria-live': 'polite' });
  const search = (text: string) => {
    view().search(text);
    onQuery(text);
  };
  field.addEventListener('input', () => search(field.value));
  field.addEventListener('keydown', (event) => {
    const { key, shiftKey } = event;
    if (key === 'Enter') view().step(shiftKey ? -1 : 1);
    if (key !== 'Escape') return;
    field.value = '';
    search('');
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'f' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    field.focus();
  });
  const root = element('div', { class: 'search-box', role: 'search' }, field, count,
    iconButton('arrow-up', texts.previousMatch, () => view().step(-1)), iconButton('arrow-down', texts.nextMatch, () => view().step(1)));
  return { root, showMatches: (text) => (count.textContent = text) };
}
