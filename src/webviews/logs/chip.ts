import type { LogSource, LogTexts } from '../../protocol/logs-panel.ts';
import { element, icon, place } from '../shared/element.ts';

/** One container: shown or not, and how its stream is. */
export interface Chip {
  root: HTMLElement;
  show(source: LogSource, texts: LogTexts): void;
}

const marks: Record<LogSource['state'], string> = { streaming: 'circle-filled', ended: 'circle-outline', waiting: 'sync', failed: 'error' };

export function chipOf(toggle: (on: boolean) => void): Chip {
  let on = false;
  let look = '';
  const root = element('button', { class: 'chip', type: 'button' });
  root.addEventListener('click', () => toggle(!on));
  return {
    root,
    show(source, texts) {
      on = source.shown;
      const name = `${source.pod} · ${source.container}`;
      const state = [texts.states[source.state], source.detail].filter(Boolean).join(': ');
      root.setAttribute('aria-pressed', String(on));
      root.setAttribute('aria-label', `${name}, ${state}`);
      root.title = `${name}\n${state}`;
      root.dataset.state = source.state;
      if (look === (look = `${source.state} ${source.shown}`)) return;
      const mark = source.shown ? marks[source.state] : 'circle-outline';
      place(root, [icon(mark, `source-${source.colour} ${source.shown && source.state === 'waiting' ? 'codicon-modifier-spin' : ''}`), element('span', { class: 'name' }, name)]);
    },
  };
}
