import path from 'node:path';
import type { RunInfo } from '../protocol/daemon.ts';
import { homeLayout } from '../protocol/home.ts';
import { writePrivateFile } from './kernel/pki/write-file.ts';

export async function writeRunInfo(home: string, info: RunInfo): Promise<void> {
  await writePrivateFile(path.join(home, homeLayout.runInfo), `${JSON.stringify(info, undefined, 2)}\n`);
}
