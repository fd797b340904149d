/** Imports what the tags of streams ask for, at once when they change and again by their schedule. */
import { imageStreams, type ImageStream, type ImageStreamImport } from '../../api/kinds/image.ts';
import { keyOf, splitKey } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import { ifFound } from '../../client/if-found.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../kernel/reconcile/controller.ts';
import { neededImport, scheduledImport } from './import-plan.ts';
import { readImport } from './import-request.ts';
import { ImportSchedule } from './import-schedule.ts';
import { requestFor, type StreamImports } from './stream-imports.ts';

/** Streams imported at once. */
const workers = 5;

export function startImportController({ client, clock, log, scope, informers }: ModuleContext, imports: StreamImports): void {
  const streams = informers.for(imageStreams);
  const schedule = new ImportSchedule(() => clock.now());
  const loop = scope.own(controller({ name: 'image-import', workers, clock, log, reconcile }));
  scope.own(imports);
  scope.own(streams.onChange(({ type, object }) => {
    if (type === 'deleted') schedule.remove(keyOf(object));
    else loop.enqueue(keyOf(object));
  }));

  async function reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { namespace = '', name } = splitKey(key);
    let stream = streams.get(key);
    if (stream && neededImport(stream)) {
      // What is under way may be just that, and the cache may not have its outcome yet.
      await imports.settled({ namespace, name });
      stream = await ifFound(client.get(imageStreams, { namespace, name }));
    }
    if (!stream || stream.metadata.deletionTimestamp) return schedule.remove(key);
    const needed = neededImport(stream);
    if (needed) {
      await run(stream, needed, signal);
      schedule.delay(key);
    }
    const again = scheduledImport(stream);
    if (!again) return schedule.remove(key);
    const wait = schedule.dueIn(key) || schedule.take();
    if (wait > 0) return { afterMs: wait };
    log.debug('scheduled import', { stream: key });
    schedule.delay(key);
    await run(stream, again, signal);
    return { afterMs: schedule.dueIn(key) };
  }

  async function run(stream: ImageStream, spec: ImageStreamImport['spec'], signal: AbortSignal): Promise<void> {
    // A stream that has gone meanwhile is not made again: the request names its uid.
    await ifFound(imports.run(readImport(requestFor(stream, spec)), stream.metadata.namespace ?? '', signal)).catch((error: unknown) => {
      // Beyond the project's limits: its tags tell, and trying again would not help.
      if (!isStatusError(error, 'Forbidden')) throw error;
    });
  }
}
