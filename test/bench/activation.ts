/**
 * How long the editor waits for the extension when its sidebar is opened: as the editor itself tells in Running Extensions, in a window that has come to rest.
 * `node test/bench/activation.ts`
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Driver } from '../e2e/support/driver.ts';
import { installCodeServer } from '../e2e/support/install-code-server.mjs';
import { openWorkbench } from '../e2e/support/workbench.ts';
import { median, printTable, recorded, type Row } from './table.ts';

const rounds = 3;
/** The editor's own extensions start meanwhile. */
const settleMs = 8_000;

export async function benchActivation(): Promise<Row[]> {
  installCodeServer();
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'slipway-activation-')));
  try {
    const took: number[] = [];
    for (let round = 0; round < rounds; round += 1) took.push(await activation(folder));
    console.log(`  activation: ${took.join(' ')} ms`);
    return [{ what: 'activation of the extension', value: median(took), unit: 'ms', better: 'less', peer: recorded('other extensions for clusters, the fastest', 300), least: { value: 80 }, aim: { value: 40 } }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function activation(folder: string): Promise<number> {
  const bench = await openWorkbench({ folder, home: path.join(folder, 'home') });
  try {
    const { page } = bench;
    page.setDefaultTimeout(60_000);
    await page.waitForTimeout(settleMs);
    await new Driver(page).openSidebar();
    await page.locator('.welcome-view-content a.monaco-button', { hasText: 'Start Slipway' }).waitFor();
    await bench.command('Developer: Show Running Extensions');
    const row = page.locator('.runtime-extensions-editor .monaco-list-row', { hasText: /slipway/i });
    const text = (await row.textContent()) ?? '';
    return Number(/(\d+)\s*ms/.exec(text)?.[1] ?? Number.NaN);
  } finally {
    await bench.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printTable(await benchActivation());
