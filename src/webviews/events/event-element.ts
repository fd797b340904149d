import type { EventRow, EventTexts } from '../../protocol/events-panel.ts';
import { element, fill, icon, place, say } from '../shared/element.ts';

export interface EventElement {
  root: HTMLElement;
  show(row: EventRow): void;
}

/** One row. It changes in place when the same thing is told again. */
export function makeEvent(texts: EventTexts, describe: (kind: string, name: string) => void): EventElement {
  const time = element('time', { class: 'time' });
  const mark = element('span', {});
  const reason = element('span', { class: 'reason' });
  const object = element('button', { class: 'object', type: 'button' });
  const message = element('span', { class: 'message' });
  const times = element('span', { class: 'times' });
  const root = element('li', { class: 'event' }, time, mark, reason, object, message, times);
  let row: EventRow | undefined;
  object.addEventListener('click', () => row && describe(row.kind, row.name));
  return {
    root,
    show(next) {
      if (!row) {
        root.classList.toggle('warning', next.warning);
        place(mark, [icon(next.warning ? 'warning' : 'info')]);
        if (next.warning) mark.append(element('span', { class: 'spoken' }, texts.warning));
        const about = `${next.kind} ${next.name}`;
        say(object, about);
        object.title = fill(texts.describe, about);
        say(reason, next.reason);
        reason.title = [next.reason, next.component].filter(Boolean).join(' · ');
        say(message, next.message);
      }
      row = next;
      const at = new Date(next.last);
      say(time, clock(at));
      time.dateTime = next.last;
      time.title = at.toLocaleString(document.documentElement.lang);
      times.hidden = next.count < 2;
      say(times, `×${next.count}`);
      times.title = fill(texts.times, next.count, new Date(next.first).toLocaleString(document.documentElement.lang));
    },
  };
}

/** The time of today, the day of older ones. */
function clock(at: Date): string {
  const today = at.toDateString() === new Date().toDateString();
  return today ? at.toLocaleTimeString(document.documentElement.lang, { hour12: false }) : at.toLocaleDateString(document.documentElement.lang);
}
