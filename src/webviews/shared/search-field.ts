/** The search of a log: field, count, previous and next. Enter goes on, Shift+Enter back, Escape empties. */
import { element, iconButton } from './element.ts';
import type { LogView } from './log-view.ts';

export interface SearchTexts {
  search: string;
  nextMatch: string;
  previousMatch: string;
}

export interface SearchField {
  root: HTMLElement;
  showMatches(text: string): void;
}

/** `view` is asked for late: field and view need each other. */
export function searchField(texts: SearchTexts, view: () => LogView): SearchField {
  const field = element('vscode-text-field', { placeholder: texts.search, 'aria-label': texts.search, class: 'search' }) as HTMLElement & { value: string };
  const count = element('span', { class: 'count', role: 'status', 'aria-live': 'polite' });
  field.addEventListener('input', () => view().search(field.value));
  field.addEventListener('keydown', (event) => {
    const { key, shiftKey } = event as KeyboardEvent;
    if (key === 'Enter') view().step(shiftKey ? -1 : 1);
    if (key === 'Escape') {
      field.value = '';
      view().search('');
    }
  });
  const root = element('div', { class: 'search-box', role: 'search' }, field, count,
    iconButton('arrow-up', texts.previousMatch, () => view().step(-1)), iconButton('arrow-down', texts.nextMatch, () => view().step(1)));
  return { root, showMatches: (text) => (count.textContent = text) };
}
