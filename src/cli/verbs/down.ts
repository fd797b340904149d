import { stopPlatform } from '../../client/daemon/control.ts';
import { parse } from '../arguments.ts';

export async function down(args: string[]): Promise<number> {
  const { home } = parse(args);
  const stopped = await stopPlatform(home);
  process.stdout.write(stopped ? `stopped ${home}\n` : `nothing runs on ${home}\n`);
  return 0;
}
