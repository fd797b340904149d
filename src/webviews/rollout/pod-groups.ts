import type { PodGroup, PodView, RolloutTexts } from '../../protocol/rollout-panel.ts';
import { element, fill, icon, place, say } from '../shared/element.ts';

const marks: Record<PodView['state'], string> = { ready: 'circle-filled', starting: 'sync', ending: 'circle-slash', failed: 'error' };

interface Chip {
  root: HTMLElement;
  button: HTMLElement;
  state: PodView['state'] | undefined;
}

/** Pods by revision, the newest first: during a rollout one list grows while the other shrinks. */
export function podGroups(texts: RolloutTexts, open: (pod: string) => void): { root: HTMLElement; show(groups: readonly PodGroup[]): void } {
  const root = element('div', {});
  const none = element('p', { class: 'none' }, texts.noPods);
  const groups = new Map<string, { root: HTMLElement; show(group: PodGroup): void }>();
  const chips = new Map<string, Chip>();
  const chipOf = ({ name, state, text }: PodView): HTMLElement => {
    let chip = chips.get(name);
    if (!chip) {
      const button = element('button', { class: 'pod', type: 'button', 'data-pod': name });
      button.addEventListener('click', () => open(name));
      chips.set(name, (chip = { button, root: element('li', {}, button), state: undefined }));
    }
    chip.button.title = text;
    chip.button.setAttribute('aria-label', text);
    if (chip.state !== state) place(chip.button, [icon(marks[state], state === 'starting' ? 'codicon-modifier-spin' : ''), element('span', { class: 'name' }, name)]);
    chip.state = state;
    chip.button.dataset.state = state;
    return chip.root;
  };
  const groupOf = () => {
    const label = element('span', { class: 'label' });
    const pods = element('ul', { class: 'pods' });
    const one = element('div', { class: 'group' }, label, pods);
    return {
      root: one,
      show(group: PodGroup) {
        one.classList.toggle('current', group.current);
        say(label, group.label);
        pods.setAttribute('aria-label', group.label);
        const more = group.more > 0 ? [element('li', { class: 'none' }, fill(texts.andMore, group.more))] : [];
        place(pods, group.pods.length === 0 ? [element('li', { class: 'none' }, texts.noPods)] : [...group.pods.map(chipOf), ...more]);
      },
    };
  };
  return {
    root,
    show(shown) {
      const names = new Set(shown.flatMap(({ pods }) => pods.map(({ name }) => name)));
      for (const name of chips.keys()) if (!names.has(name)) chips.delete(name);
      for (const label of groups.keys()) if (!shown.some((group) => group.label === label)) groups.delete(label);
      place(root, shown.length === 0 ? [none] : shown.map((group) => {
        let one = groups.get(group.label);
        if (!one) groups.set(group.label, (one = groupOf()));
        one.show(group);
        return one.root;
      }));
    },
  };
}
