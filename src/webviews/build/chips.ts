import type { BuildPhase } from '../../api/kinds/build.ts';
import type { BuildTab, BuildTexts } from '../../protocol/build-panel.ts';
import { element, fill, icon, place } from '../shared/element.ts';

const marks: Record<BuildPhase, string> = { New: 'circle-outline', Pending: 'sync', Running: 'sync', Complete: 'pass-filled', Failed: 'error', Error: 'error', Cancelled: 'circle-slash' };
const turns = (phase: BuildPhase) => phase === 'Pending' || phase === 'Running';

interface Chip {
  root: HTMLElement;
  show(tab: BuildTab, texts: BuildTexts): void;
}

interface ChipActions {
  select(id: string): void;
  unfollow(id: string): void;
}

/** The builds that are followed, as tabs; arrow keys go from one to the next. */
export function buildChips(actions: ChipActions): { root: HTMLElement; show(tabs: readonly BuildTab[], texts: BuildTexts): void } {
  const root = element('div', { class: 'chips', role: 'tablist' });
  const chips = new Map<string, Chip>();
  root.addEventListener('keydown', (event) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    const tabs = [...root.querySelectorAll<HTMLElement>('[role=tab]')];
    const at = tabs.indexOf(document.activeElement as HTMLElement);
    if (by === 0 || at < 0) return;
    tabs[(at + by + tabs.length) % tabs.length]?.focus();
  });
  return {
    root,
    show(tabs, texts) {
      root.hidden = tabs.length === 0;
      root.setAttribute('aria-label', texts.followed);
      for (const id of chips.keys()) if (!tabs.some((tab) => tab.id === id)) chips.delete(id);
      place(root, tabs.map((tab) => {
        let chip = chips.get(tab.id);
        if (!chip) chips.set(tab.id, (chip = chipOf(tab.id, actions)));
        chip.show(tab, texts);
        return chip.root;
      }));
    },
  };
}

function chipOf(id: string, actions: ChipActions): Chip {
  const tab = element('button', { class: 'name', type: 'button', role: 'tab' });
  const close = element('button', { class: 'close', type: 'button' }, icon('close'));
  tab.addEventListener('click', () => actions.select(id));
  close.addEventListener('click', () => actions.unfollow(id));
  const root = element('span', { class: 'chip', role: 'presentation' }, tab, close);
  let look = '';
  return {
    root,
    show({ name, phase, phaseText, current }, texts) {
      const label = `${name}, ${phaseText}`;
      tab.setAttribute('aria-selected', String(current));
      tab.setAttribute('aria-label', label);
      tab.title = label;
      const stop = fill(texts.unfollow, name);
      close.title = stop;
      close.setAttribute('aria-label', stop);
      root.classList.toggle('current', current);
      root.dataset.phase = phase;
      if (look === (look = `${phase} ${name}`)) return;
      place(tab, [icon(marks[phase], turns(phase) ? 'codicon-modifier-spin' : ''), element('span', {}, name)]);
    },
  };
}
