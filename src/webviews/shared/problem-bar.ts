import type { PageProblem } from '../../protocol/page-problem.ts';
import { element, say } from './element.ts';

export interface ProblemBar {
  root: HTMLElement;
  show(problem: PageProblem | undefined): void;
}

/** Says what is wrong at the moment it becomes so, with what helps as a button. */
export function problemBar(fix: () => void): ProblemBar {
  const text = element('span', {});
  const button = element('vscode-button', { appearance: 'secondary', hidden: true });
  button.addEventListener('click', fix);
  const root = element('div', { class: 'problem', role: 'alert', hidden: true }, text, button);
  return {
    root,
    show(problem) {
      root.hidden = !problem;
      say(text, problem?.text ?? '');
      button.hidden = !problem?.fix;
      say(button, problem?.fix ?? '');
    },
  };
}
