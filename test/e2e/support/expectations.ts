/** What holds in every window. */
import type { Frame } from 'playwright-core';
import { expect } from 'vitest';
import type { Workbench } from './workbench.ts';

/** What becomes true within that time. */
export function until<T>(probe: () => Promise<T> | T, timeout = 20_000) {
  return expect.poll(probe, { timeout, interval: 150 });
}

export async function everyControlIsNamed(frame: Frame): Promise<void> {
  const unnamed = await frame.locator('button, vscode-button, vscode-text-field, vscode-dropdown, [tabindex="0"]').evaluateAll((nodes) =>
    // What lies inside a component is named by the component.
    nodes.filter((node) => node.getRootNode() === document && (node as HTMLElement).offsetParent !== null && !(node.getAttribute('aria-label') ?? node.textContent ?? '').trim()).map((node) => node.outerHTML.slice(0, 120)));
  expect(unnamed).toEqual([]);
}

/** The editor's own tree, when a context key changes while a row is on its way out: it draws the row again, finds it gone, and goes on. */
const editors = /TreeError \[[^\]]*\] Data tree node not found/;

export function noPageComplained({ consoleErrors }: Workbench): void {
  expect(consoleErrors.filter((text) => /slipway|Content Security/i.test(text) && !editors.test(text))).toEqual([]);
}
