import { lastRunInfo, stopPlatform } from '../../client/daemon/control.ts';
import { startPlatform } from '../../client/daemon/start.ts';
import { parse } from '../arguments.ts';
import { bundleFolder } from '../bundle-folder.ts';

export async function down(args: string[]): Promise<number> {
  const { home } = parse(args);
  const stopped = (await stopPlatform(home)) || (await stopOrphans(home));
  process.stdout.write(stopped ? `stopped ${home}\n` : `nothing runs on ${home}\n`);
  return 0;
}

/** A control plane that was killed left its apps running, and a note of itself. Another one finds them all, and can end them as they should. */
async function stopOrphans(home: string): Promise<boolean> {
  const last = await lastRunInfo(home);
  if (!last) return false;
  process.stderr.write('The control plane ended without stopping its apps; it is started to stop them.\n');
  const runtime = last.runtime === 'engine' ? undefined : last.runtime;
  await startPlatform({ home, bundles: bundleFolder(), detached: true, runtime });
  return stopPlatform(home);
}
