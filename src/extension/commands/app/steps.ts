/** A wizard of quick picks and input boxes: steps n/m, back, Escape keeps nothing. */
import * as vscode from 'vscode';
import { Cancelled } from '../command.ts';

const back = Symbol('back');

export interface StepPosition {
  title: string;
  step: number;
  total: number;
  canGoBack: boolean;
}

/** One step. `back` is thrown to return to the step before; `undefined` passes the step over, also when going back. */
export type Step<S> = (state: S, position: StepPosition) => Promise<void | 'skipped'>;

export async function runSteps<S>(title: string, state: S, steps: readonly Step<S>[], shown: (state: S) => number): Promise<S> {
  const visited: number[] = [];
  for (let index = 0; index < steps.length; ) {
    const step = steps[index];
    try {
      const result = await step?.(state, { title, step: visited.length + 1, total: shown(state), canGoBack: visited.length > 0 });
      if (result !== 'skipped') visited.push(index);
      index += 1;
    } catch (thrown) {
      if (thrown !== back) throw thrown;
      index = visited.pop() ?? 0;
    }
  }
  return state;
}

export interface PickItem<T> extends vscode.QuickPickItem {
  value: T;
}

export interface PickOptions<T> {
  placeholder: string;
  items: readonly PickItem<T>[] | Promise<readonly PickItem<T>[]>;
}

export function pick<T>(position: StepPosition, { placeholder, items }: PickOptions<T>): Promise<T> {
  const box = vscode.window.createQuickPick<PickItem<T>>();
  prepare(box, position);
  box.placeholder = placeholder;
  box.matchOnDescription = box.matchOnDetail = true;
  return settle(box, (resolve, reject) => {
    box.busy = true;
    Promise.resolve(items).then((list) => {
      box.items = list;
      box.busy = false;
    }, reject);
    box.onDidAccept(() => {
      const [chosen] = box.activeItems;
      if (chosen) resolve(chosen.value);
    });
  });
}

export interface InputOptions {
  /** A function is asked again after the button was pressed. */
  prompt: string | (() => string);
  value: string;
  placeholder?: string;
  /** Checked at every key. */
  check(text: string): string | undefined;
  /** Checked on Enter, with progress; may take a while. */
  verify?(text: string, signal: AbortSignal): Promise<string | undefined>;
  /** A choice beside the text. */
  button?: { look(): { icon: string; tooltip: string }; press(): void };
}

export function input(position: StepPosition, { prompt, value, placeholder, check, verify, button }: InputOptions): Promise<string> {
  const box = vscode.window.createInputBox();
  const show = () => {
    prepare(box, position);
    box.prompt = typeof prompt === 'string' ? prompt : prompt();
    if (!button) return;
    const { icon, tooltip } = button.look();
    box.buttons = [...box.buttons, { iconPath: new vscode.ThemeIcon(icon), tooltip }];
  };
  show();
  box.value = value;
  if (placeholder) box.placeholder = placeholder;
  const stop = new AbortController();
  return settle<string>(box, (resolve, reject) => {
    box.onDidChangeValue((text) => (box.validationMessage = check(text.trim())));
    box.onDidTriggerButton((pressed) => {
      if (pressed === vscode.QuickInputButtons.Back) return;
      button?.press();
      show();
    });
    box.onDidHide(() => stop.abort());
    box.onDidAccept(async () => {
      const text = box.value.trim();
      const wrong = check(text);
      box.validationMessage = wrong;
      if (wrong || box.busy) return;
      box.busy = true;
      box.enabled = false;
      try {
        const refused = await verify?.(text, stop.signal);
        if (refused) box.validationMessage = refused;
        else resolve(text);
      } catch (error) {
        if (!stop.signal.aborted) reject(error as Error);
      } finally {
        box.busy = false;
        box.enabled = true;
      }
    });
  });
}

function prepare(box: vscode.QuickInput & { buttons: readonly vscode.QuickInputButton[] }, { title, step, total, canGoBack }: StepPosition): void {
  box.title = title;
  box.step = step;
  box.totalSteps = total;
  box.ignoreFocusOut = true;
  box.buttons = canGoBack ? [vscode.QuickInputButtons.Back] : [];
}

function settle<T>(box: (vscode.QuickPick<PickItem<T>> | vscode.InputBox) & vscode.QuickInput, wire: (resolve: (value: T) => void, reject: (error: unknown) => void) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let done = false;
    const end = (finish: () => void) => {
      if (done) return;
      done = true;
      finish();
      box.dispose();
    };
    (box as vscode.InputBox).onDidTriggerButton((button) => {
      // A mark for runSteps, not an error.
      if (button === vscode.QuickInputButtons.Back) end(() => reject(back));
    });
    box.onDidHide(() => end(() => reject(new Cancelled())));
    wire((value) => end(() => resolve(value)), (error) => end(() => reject(error as Error)));
    box.show();
  });
}
