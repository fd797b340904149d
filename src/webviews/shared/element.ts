type Child = Node | string;

/** Makes an element: attributes as given (`true` sets an empty one, `false` and `undefined` none), then its children. */
export function element<K extends keyof HTMLElementTagNameMap>(name: K, attributes?: Record<string, string | boolean | undefined>, ...children: Child[]): HTMLElementTagNameMap[K];
export function element(name: string, attributes?: Record<string, string | boolean | undefined>, ...children: Child[]): HTMLElement;
export function element(name: string, attributes: Record<string, string | boolean | undefined> = {}, ...children: Child[]): HTMLElement {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children);
  return made;
}

/** A codicon, hidden from screen readers: what it says is said in text beside it. */
export function icon(name: string, extra = ''): HTMLElement {
  return element('span', { class: `codicon codicon-${name} ${extra}`.trim(), 'aria-hidden': 'true' });
}

/** A button that shows an icon and speaks `label`. */
export function iconButton(name: string, label: string, press: () => void): HTMLElement {
  const button = element('vscode-button', { appearance: 'icon', 'aria-label': label, title: label }, icon(name));
  button.addEventListener('click', press);
  return button;
}

export interface ToggleButton {
  root: HTMLElement;
  set(on: boolean): void;
}

/** An icon button that is on or off. It changes in place, so that it keeps the focus. */
export function toggleButton(name: string, label: string, change: (on: boolean) => void): ToggleButton {
  let on = false;
  const root = iconButton(name, label, () => change(!on));
  const set = (value: boolean) => {
    on = value;
    root.setAttribute('aria-pressed', String(on));
    root.classList.toggle('pressed', on);
  };
  set(false);
  return { root, set };
}

/** Makes `parent`'s children exactly `nodes`, touching only what differs: what stays keeps its focus, selection and animation. */
export function place(parent: HTMLElement, nodes: readonly Node[]): void {
  nodes.forEach((node, index) => {
    if (parent.childNodes[index] !== node) parent.insertBefore(node, parent.childNodes[index] ?? null);
  });
  while (parent.childNodes.length > nodes.length) parent.lastChild?.remove();
}

/** Sets the text unless it is set already. */
export function say(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Replaces `{0}`, `{1}` … */
export function fill(text: string, ...values: (string | number)[]): string {
  return text.replace(/\{(\d)\}/g, (_, index: string) => String(values[Number(index)] ?? ''));
}
