import { stopPlatform } from '../../client/daemon/stop.ts';
import { parse } from '../arguments.ts';
import { bundleFolder } from '../bundle-folder.ts';

export async function down(args: string[]): Promise<number> {
  const { home } = parse(args);
  const onOrphans = () => void process.stderr.write('The control plane ended without stopping its apps; it is started to stop them.\n');
  const stopped = await stopPlatform({ home, bundles: bundleFolder(), onOrphans });
  process.stdout.write(stopped ? `stopped ${home}\n` : `nothing runs on ${home}\n`);
  return 0;
}
