import type { BuildFromPage, BuildTexts, BuildView } from '../../protocol/build-panel.ts';
import { element } from '../shared/element.ts';

type Action = Extract<BuildFromPage['type'], 'cancel' | 'rebuild' | 'open'>;

/** The buttons for what can be done with a build now. */
export function actionButtons(texts: BuildTexts, press: (action: Action) => void): { root: HTMLElement; show(build: BuildView | undefined): void } {
  const make = (action: Action, label: string, appearance: string): [Action, HTMLElement] => {
    const button = element('vscode-button', { appearance, 'data-action': action, hidden: true }, label);
    button.addEventListener('click', () => {
      // A command in flight cannot be given twice; the next state frees the button.
      button.setAttribute('disabled', '');
      press(action);
    });
    return [action, button];
  };
  const buttons = [make('open', texts.open, 'primary'), make('cancel', texts.cancel, 'secondary'), make('rebuild', texts.rebuild, 'secondary')];
  return {
    root: element('div', { class: 'actions' }, ...buttons.map(([, button]) => button)),
    show(build) {
      const can: Record<Action, boolean | undefined> = { cancel: build?.canCancel, rebuild: build?.canRebuild, open: build?.canOpen };
      for (const [action, button] of buttons) {
        button.hidden = !can[action];
        button.removeAttribute('disabled');
      }
    },
  };
}
