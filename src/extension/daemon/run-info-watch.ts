import { watch } from 'node:fs';
import type { Disposable } from 'vscode';
import { homeLayout } from '../../protocol/home.ts';

/** A start or a stop writes several times; it is told once. */
const settleMs = 150;

/** Tells when a control plane of `home` has started or ended. `undefined` while there is no such folder: nothing was ever started in it. */
export function watchRunInfo(home: string, changed: () => void): Disposable | undefined {
  let timer: NodeJS.Timeout | undefined;
  try {
    const watcher = watch(home, { persistent: false }, (_, name) => {
      if (name !== homeLayout.runInfo) return;
      clearTimeout(timer);
      timer = setTimeout(changed, settleMs);
    });
    watcher.on('error', () => watcher.close());
    return { dispose: () => (clearTimeout(timer), watcher.close()) };
  } catch {
    return undefined;
  }
}
