import type { TrafficService, TrafficTexts } from '../../protocol/traffic-panel.ts';
import { element, fill, iconButton, say } from '../shared/element.ts';

export interface ShareView {
  percent: number;
  /** What the route gives it now. */
  now: number;
  index: number;
  alone: boolean;
  /** `undefined`: there is no such service. */
  found: TrafficService | undefined;
  /** As the route names it. */
  port: string;
}

export interface ShareRow {
  root: HTMLElement;
  show(view: ShareView): void;
}

/** A service with its slider, and a number for those who would rather type. */
export function shareRow(service: string, texts: TrafficTexts, actions: { share(service: string, percent: number): void; remove(service: string): void }): ShareRow {
  const dot = element('span', { class: 'dot', 'aria-hidden': 'true' });
  const slider = element('input', { type: 'range', min: '0', max: '100', step: '1', 'aria-label': fill(texts.share, service) });
  const number = element('input', { type: 'number', min: '0', max: '100', step: '1', 'aria-label': fill(texts.percent, service) });
  const facts = element('span', { class: 'facts' });
  slider.addEventListener('input', () => actions.share(service, slider.valueAsNumber));
  number.addEventListener('change', () => actions.share(service, Number.isFinite(number.valueAsNumber) ? number.valueAsNumber : 0));
  const all = iconButton('check-all', fill(texts.all, service), () => actions.share(service, 100));
  const remove = iconButton('trash', fill(texts.remove, service), () => actions.remove(service));
  const root = element('li', { class: 'share', 'data-service': service }, dot, element('span', { class: 'name', title: service }, service), slider, element('span', { class: 'number' }, number, '%'), element('span', { class: 'changes' }, all, remove), facts);
  return {
    root,
    show({ percent, now, index, alone, found, port }) {
      root.className = `share colour-${index}`;
      slider.value = String(percent);
      slider.style.setProperty('--at', `${percent}%`);
      slider.setAttribute('aria-valuetext', `${percent} %`);
      if (document.activeElement !== number || number.valueAsNumber !== percent) number.value = String(percent);
      slider.disabled = number.disabled = alone;
      all.hidden = remove.hidden = alone;
      const state = !found ? texts.noService : found.lacksPort ? fill(texts.noPort, port) : found.ready === 0 ? texts.noPods : fill(texts.ready, found.ready);
      say(facts, [percent === now ? '' : fill(texts.now, now), state].filter(Boolean).join(' · '));
      facts.classList.toggle('trouble', !found?.ready || found.lacksPort);
    },
  };
}
