/** Hands for the workbench: what a user does in trees, quick picks, notifications and dialogs. */
import type { Locator, Page } from 'playwright-core';

export class Driver {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  async openSidebar(): Promise<void> {
    const icon = this.page.locator('.activitybar .action-item', { has: this.page.locator('.action-label[aria-label*="Slipway"]') }).first();
    if (!(await icon.getAttribute('class'))?.includes('checked')) await icon.click();
  }

  /** A view of the sidebar by its title. */
  view(title: string): Locator {
    return this.page.locator('.sidebar .pane', { has: this.page.locator('.pane-header .title', { hasText: exactly(title) }) });
  }

  async expand(title: string): Promise<void> {
    const header = this.view(title).locator('.pane-header');
    if ((await header.getAttribute('aria-expanded')) === 'false') await header.click();
  }

  /** The rows of a view whose label is exactly that. */
  row(view: string, label: string | RegExp): Locator {
    return this.view(view).locator('.monaco-list-row', { has: this.page.locator('.label-name', { hasText: typeof label === 'string' ? exactly(label) : label }) });
  }

  /** Presses an action that shows when the row is pointed at. */
  async inline(row: Locator, action: string): Promise<void> {
    await row.hover();
    await row.locator(`.actions .action-label[aria-label^="${action}"]`).click();
  }

  /** Chooses from the row's context menu. */
  async menu(row: Locator, item: string): Promise<void> {
    await row.click({ button: 'right' });
    const entry = this.page.locator('.monaco-menu .action-item', { has: this.page.locator('.action-label', { hasText: exactly(item) }) });
    await entry.hover();
    // A menu takes no click at the moment it opens, so that the one which opened it chooses nothing.
    await this.page.waitForTimeout(250);
    await entry.click();
  }

  get quickInput(): Locator {
    return this.page.locator('.quick-input-widget:visible');
  }

  /** Waits until the wizard or input with that title asks. */
  async asked(title: string | RegExp): Promise<Locator> {
    const widget = this.quickInput.filter({ has: this.page.locator('.quick-input-title', { hasText: title }) });
    await widget.waitFor();
    return widget;
  }

  /** Chooses the entry with that text. */
  async pick(text: string | RegExp): Promise<void> {
    await this.quickInput.locator('.quick-input-list .monaco-list-row', { hasText: text }).first().click();
  }

  /** Answers an input box; without a text with what it proposes. */
  async answer(text?: string): Promise<void> {
    const input = this.quickInput.locator('input.input');
    await input.waitFor();
    // A box that has just opened still gets its proposal from the extension.
    while (text !== undefined && (await input.inputValue()) !== text) {
      await input.fill(text);
      await this.page.waitForTimeout(150);
    }
    await input.press('Enter');
  }

  notification(text: string | RegExp): Locator {
    return this.page.locator('.notification-toast', { hasText: text });
  }

  async press(notification: Locator, button: string): Promise<void> {
    await notification.locator('.monaco-button', { hasText: exactly(button) }).click();
  }

  /** Answers a modal question. */
  async confirm(button: string): Promise<void> {
    await this.page.locator('.monaco-dialog-box .monaco-button', { hasText: exactly(button) }).click();
  }

  /** Closes what is shown now. A toast of one line shows what closes it only when it is pointed at; one that is just coming or going takes no click. */
  async dismissNotifications(): Promise<void> {
    const toasts = this.page.locator('.notification-toast');
    for (let left = (await toasts.count()) + 2; left > 0 && (await toasts.count()) > 0; left -= 1) {
      const toast = toasts.first();
      await toast.hover({ timeout: 1_000 }).catch(() => undefined);
      await toast.locator('.codicon-notifications-clear').click({ timeout: 1_000 }).catch(() => undefined);
    }
  }
}

/** As `hasText`, but the whole text. */
export function exactly(text: string): RegExp {
  return new RegExp(`^\\s*${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\s*$`);
}
