import { open, rename } from 'node:fs/promises';
import path from 'node:path';
import type { RunInfo } from '../protocol/daemon.ts';
import { homeLayout } from '../protocol/home.ts';

/** Whole or not at all, for this user alone. */
export async function writeRunInfo(home: string, info: RunInfo): Promise<void> {
  const file = path.join(home, homeLayout.runInfo);
  const temporary = `${file}.${process.pid}.new`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(info, undefined, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}
