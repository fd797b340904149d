import type { KubeObject, WatchEvent } from '../../../api/meta.ts';
import type { Watch } from '../../../client/client.ts';
import { internalError } from '../../../api/status.ts';

/** Hands every event of a watch on; a failure of the source becomes an ERROR event, on which watchers start anew. */
export function followVirtually<T extends KubeObject>(source: Watch<T>, take: (event: WatchEvent<T>) => void): { dispose(): void } {
  let disposed = false;
  const run = async () => {
    try {
      for await (const event of source) {
        if (disposed) return;
        take(event);
      }
      if (!disposed) take({ type: 'ERROR', object: internalError('the watch ended').status as unknown as T });
    } catch (error) {
      if (!disposed) take({ type: 'ERROR', object: internalError(error instanceof Error ? error.message : String(error)).status as unknown as T });
    }
  };
  void run();
  return {
    dispose() {
      disposed = true;
      source.dispose();
    },
  };
}
