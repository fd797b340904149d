/** Ends a platform with every app of it, whatever state it is in. */
import { endPlatform, platformState } from './control.ts';
import { startPlatform } from './start.ts';

export interface StopOptions {
  home: string;
  /** Folder with the bundles of this product. */
  bundles: string;
  /** A control plane that was killed left its apps running: another one is started, which finds them all and can end them as they should. */
  onOrphans?(): void;
}

/** Resolves when it has ended; false if nothing ran. */
export async function stopPlatform({ home, bundles, onOrphans }: StopOptions): Promise<boolean> {
  const found = await platformState(home);
  if (found.state === 'stopped') return false;
  if (found.state === 'failed') {
    onOrphans?.();
    const { runtime, engine } = found.last;
    await startPlatform({ home, bundles, detached: true, runtime, engine });
  }
  await endPlatform(home);
  return true;
}
