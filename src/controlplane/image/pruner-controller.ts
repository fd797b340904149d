/** Prunes images by the ImagePruner `cluster`, which is made with OpenShift's defaults where nobody has one. Costs nothing but a timer until it is due. */
import { builds } from '../../api/kinds/build.ts';
import { imagePrunerName, imagePruners, prunedAnnotation, type ImagePruner } from '../../api/kinds/image-pruner.ts';
import { equalJson, type JsonObject } from '../../api/json.ts';
import { toTime } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import { ifFound } from '../../client/if-found.ts';
import { imagesToPrune, pruneImages } from '../../client/prune/prune-images.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../kernel/reconcile/controller.ts';
import { defaultPruner } from './image-pruner.ts';
import { decidePruning, pruneOptions, prunerStatus } from './pruner-plan.ts';

const underWay = new Set(['New', 'Pending', 'Running']);

export async function startPrunerController({ client, clock, log, scope, informers }: ModuleContext): Promise<void> {
  const pruners = informers.for(imagePruners);
  const startedAt = clock.now();
  const loop = scope.own(controller({ name: 'image-pruner', workers: 1, clock, log, reconcile }));
  scope.own(pruners.onChange(({ type, object }) => void (type !== 'deleted' && object.metadata.name === imagePrunerName && loop.enqueue(imagePrunerName))));
  await client.create(imagePruners, defaultPruner).catch((error: unknown) => {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  });

  async function reconcile(): Promise<ReconcileResult> {
    const pruner = pruners.get(imagePrunerName);
    if (!pruner) return;
    await tell(pruner, failureOf(pruner));
    const moment = { now: clock.now(), startedAt, busy: false };
    const decision = decidePruning(pruner, moment);
    if (!decision.now) return decision.afterMs === undefined ? undefined : { afterMs: decision.afterMs };
    const checked = decidePruning(pruner, { ...moment, busy: await isBusy() });
    if (!checked.now) return checked.afterMs === undefined ? undefined : { afterMs: checked.afterMs };
    await run(pruner);
  }

  /** Its time has passed, however it ended: the next look is the schedule's. */
  async function run(pruner: ImagePruner): Promise<void> {
    const now = clock.now();
    const options = pruneOptions(pruner.spec);
    let failure: string | undefined;
    try {
      const plan = await imagesToPrune(client, options, now);
      if (plan.images.length + plan.revisions.length > 0) {
        const gone = await pruneImages(client, plan, options, now);
        log.info('images pruned', { images: gone.length, revisions: plan.revisions.length });
      }
    } catch (error) {
      failure = (error as Error).message;
      log.warn('images could not be pruned', { error });
    }
    const marked = await client.patch(imagePruners, { name: imagePrunerName }, 'merge', { metadata: { annotations: { [prunedAnnotation]: toTime(now) } } });
    await tell(marked, failure);
  }

  async function tell(pruner: ImagePruner, failure: string | undefined): Promise<void> {
    const status = prunerStatus(pruner, failure, clock.now());
    if (equalJson(status as JsonObject, (pruner.status ?? {}) as JsonObject)) return;
    const next: ImagePruner = { ...pruner, status };
    await ifFound(client.update(imagePruners, next, { name: imagePrunerName, subresource: 'status' }));
  }

  async function isBusy(): Promise<boolean> {
    const list = await ifFound(client.list(builds));
    return list?.items.some(({ status }) => underWay.has(status?.phase ?? 'New')) ?? false;
  }
}

function failureOf({ status }: ImagePruner): string | undefined {
  const failed = status?.conditions?.find(({ type }) => type === 'Failed');
  return failed?.status === 'True' ? failed.message : undefined;
}
