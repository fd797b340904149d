/** The real VS Code workbench in a real browser, with our package installed as a user would have it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium, type Browser, type Frame, type Page } from 'playwright-core';
import { exactly } from './driver.ts';
import { codeServerFolder } from './install-code-server.mjs';

export interface WorkbenchOptions {
  folder: string;
  home: string;
  /** `en` or `zh-cn`. */
  language?: string;
  theme?: string;
  settings?: Record<string, unknown>;
  /** More environment for the server, e.g. KUBECONFIG. */
  environment?: Record<string, string>;
  /** Folders of further extensions. */
  extensions?: readonly string[];
  /** Asks for the trust of a workspace, as the editor does unless told otherwise. */
  workspaceTrust?: boolean;
}

export interface Workbench {
  page: Page;
  url: string;
  /** Writes `test/e2e/screenshots/<name>.png`. */
  screenshot(name: string): Promise<void>;
  /** Runs a command by its title from the palette. */
  command(title: string): Promise<void>;
  /** Runs it and takes an entry of each list that it offers. */
  choose(title: string, ...entries: string[]): Promise<void>;
  /** The inner frame of a webview whose page has an element that matches. */
  webview(selector: string): Promise<Frame>;
  /** Changes the colour theme, by its name. */
  theme(name: string): Promise<void>;
  /** Another window on the same server. */
  newWindow(folder: string): Promise<Page>;
  /** Texts of errors that pages logged. */
  readonly consoleErrors: string[];
  close(): Promise<void>;
}

const screenshots = path.resolve('test/e2e/screenshots');
const browserArguments = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export async function openWorkbench(options: WorkbenchOptions): Promise<Workbench> {
  const data = mkdtempSync(path.join(tmpdir(), 'slipway-vscode-'));
  installExtension(path.join(data, 'extensions'));
  for (const folder of options.extensions ?? []) cpSync(folder, path.join(data, 'extensions', `test.${path.basename(folder)}-1.0.0`), { recursive: true });
  mkdirSync(path.join(data, 'user', 'User'), { recursive: true });
  // Settings of the machine's scope are read there alone.
  mkdirSync(path.join(data, 'user', 'Machine'), { recursive: true });
  writeFileSync(path.join(data, 'user', 'Machine', 'settings.json'), JSON.stringify({ 'slipway.home': options.home }));
  if (options.language && options.language !== 'en') installLanguage(data, options.language);
  writeFileSync(path.join(data, 'user', 'User', 'settings.json'), JSON.stringify({
    'workbench.startupEditor': 'none', 'workbench.colorTheme': options.theme ?? 'Dark Modern', 'workbench.tips.enabled': false,
    'telemetry.telemetryLevel': 'off', 'chat.commandCenter.enabled': false, 'chat.disableAIFeatures': true, 'workbench.secondarySideBar.defaultVisibility': 'hidden', 'window.commandCenter': false, 'git.enabled': false, ...options.settings,
  }));
  const port = await freePort();
  const server = startServer(port, data, options);
  let browser: Browser | undefined;
  const close = async () => {
    await browser?.close();
    await end(server);
    rmSync(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  try {
    await answers(port);
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: browserArguments });
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: options.language ?? 'en-US', permissions: ['clipboard-read', 'clipboard-write'] });
    const page = await context.newPage();
    const consoleErrors: string[] = [];
    page.on('console', (message) => message.type() === 'error' && consoleErrors.push(message.text()));
    const urlOf = (folder: string) => `http://127.0.0.1:${port}/?folder=${encodeURIComponent(folder)}`;
    const open = async (one: Page, folder: string) => {
      await one.goto(urlOf(folder));
      await one.waitForSelector('.monaco-workbench .activitybar', { timeout: 60_000 });
      return one;
    };
    await open(page, options.folder);
    return { page, url: urlOf(options.folder), consoleErrors, close, newWindow: async (folder) => open(await context.newPage(), folder), ...helpers(page) };
  } catch (error) {
    await close();
    throw error;
  }
}

function helpers(page: Page): Pick<Workbench, 'screenshot' | 'command' | 'choose' | 'theme' | 'webview'> {
  const command = async (title: string, tries = 3): Promise<void> => {
    await page.keyboard.press('F1');
    const widget = page.locator('.quick-input-widget:visible');
    try {
      await widget.locator('input.input').fill(`>${title}`, { timeout: 5_000 });
      await widget.locator('.monaco-list-row', { has: page.locator('.label-name', { hasText: exactly(title) }) }).first().click({ timeout: 5_000 });
    } catch (error) {
      // The palette closes when something else takes the focus meanwhile.
      if (tries === 1) throw error;
      await page.keyboard.press('Escape');
      await command(title, tries - 1);
    }
  };
  const choose = async (title: string, entries: readonly string[], tries = 3): Promise<void> => {
    await command(title);
    try {
      for (const entry of entries) await page.locator('.quick-input-widget:visible .quick-input-list .monaco-list-row', { hasText: entry }).first().click({ timeout: 8_000 });
    } catch (error) {
      // As the palette, a list closes when something else takes the focus, e.g. an editor to which a closed notification gives it back.
      if (tries === 1) throw error;
      await page.keyboard.press('Escape');
      await choose(title, entries, tries - 1);
    }
  };
  return {
    command,
    choose: (title, ...entries) => choose(title, entries),
    async theme(name) {
      await command('Preferences: Color Theme');
      const entry = page.locator('.quick-input-widget:visible .monaco-list-row', { hasText: name }).first();
      await page.locator('.quick-input-widget:visible input.input').fill(name);
      await entry.click();
    },
    async screenshot(name) {
      mkdirSync(screenshots, { recursive: true });
      // A page that has just come back is still loading its icons.
      for (const frame of page.frames()) await frame.evaluate('document.fonts.ready.then(() => undefined)').catch(() => undefined);
      await page.screenshot({ path: path.join(screenshots, `${name}.png`) });
    },
    async webview(selector) {
      const until = Date.now() + 30_000;
      for (;;) {
        for (const frame of page.frames()) if (await frame.locator(selector).count().catch(() => 0)) return frame;
        if (Date.now() > until) throw new Error(`no webview shows ${selector}`);
        await page.waitForTimeout(100);
      }
    },
  };
}

/** The files of the package, as its .vsix holds them. */
function installExtension(extensions: string): void {
  const target = path.join(extensions, 'slipway.slipway-0.1.0');
  mkdirSync(target, { recursive: true });
  for (const name of ['package.json', 'package.nls.json', 'package.nls.zh-cn.json', 'README.md', 'LICENSE', 'media', 'dist']) cpSync(path.resolve(name), path.join(target, name), { recursive: true });
}

/** A language pack of our own, the smallest that makes the editor speak the language, so that extensions get their texts in it. Entered where the editor notes installed ones. */
function installLanguage(data: string, language: string): void {
  const translations = path.join(data, 'translations.json');
  writeFileSync(translations, JSON.stringify({ version: '1.0.0', contents: {} }));
  writeFileSync(path.join(data, 'user', 'languagepacks.json'), JSON.stringify({
    [language]: { hash: 'test', extensions: [{ extensionIdentifier: { id: `test.language-pack-${language}` }, version: '1.0.0' }], translations: { vscode: translations }, label: language },
  }));
}

function startServer(port: number, data: string, options: WorkbenchOptions): ChildProcess {
  const entry = path.join(codeServerFolder, 'node_modules', 'code-server', 'out', 'node', 'entry.js');
  return spawn(process.execPath, [
    entry, '--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, '--user-data-dir', path.join(data, 'user'), '--extensions-dir', path.join(data, 'extensions'),
    ...(options.workspaceTrust ? [] : ['--disable-workspace-trust']), '--disable-telemetry', '--disable-update-check', ...(options.language ? ['--locale', options.language] : []), options.folder,
  ], { stdio: process.env.SLIPWAY_E2E_LOG ? 'inherit' : 'ignore', env: { ...process.env, HOME: data, ...options.environment } });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function answers(port: number): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (await fetch(`http://127.0.0.1:${port}/healthz`).then((response) => response.ok, () => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('code-server did not start');
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  const force = setTimeout(() => server.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(force);
}
