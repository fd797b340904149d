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

/** An icon button that is on or off. */
export function toggleButton(name: string, label: string, on: boolean, change: (on: boolean) => void): HTMLElement {
  const button = iconButton(name, label, () => change(!on));
  button.setAttribute('aria-pressed', String(on));
  button.classList.toggle('pressed', on);
  return button;
}

/** Replaces `{0}`, `{1}` … */
export function fill(text: string, ...values: (string | number)[]): string {
  return text.replace(/\{(\d)\}/g, (_, index: string) => String(values[Number(index)] ?? ''));
}
