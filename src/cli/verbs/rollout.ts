import { agoOf } from '../../api/relative-time.ts';
import type { Client } from '../../client/client.ts';
import { cancel, retry } from '../../client/rollout/cancel.ts';
import { followStatus } from '../../client/rollout/follow.ts';
import { findRevision, readHistory, revisionText } from '../../client/rollout/history.ts';
import { pause, resume } from '../../client/rollout/pause.ts';
import type { Revision } from '../../client/rollout/revisions.ts';
import { latest, restart } from '../../client/rollout/start.ts';
import { rolloutState } from '../../client/rollout/status.ts';
import type { RolloutAction, RolloutTarget } from '../../client/rollout/target.ts';
import { undo } from '../../client/rollout/undo.ts';
import { parse, type Arguments } from '../arguments.ts';
import { connectHome } from '../connect.ts';
import { UserError } from '../failure.ts';
import { rolloutTarget } from '../workload.ts';

type Run = (client: Client, target: RolloutTarget, given: Arguments) => Promise<number>;

const actions: Record<RolloutAction, Run> = {
  latest: async (client, target, given) => say(target, `rollout #${await latest(client, target, { again: given.flag('again') })} started`),
  history: showHistory,
  undo: async (client, target, given) => say(target, `rolled back to revision ${(await undo(client, target, given.count('to-revision'))).number}`),
  pause: async (client, target) => (await pause(client, target), say(target, 'paused')),
  resume: async (client, target) => (await resume(client, target), say(target, 'resumed')),
  cancel: showCancel,
  retry: async (client, target) => say(target, `rollout #${await retry(client, target)} started again`),
  restart: async (client, target) => (await restart(client, target), say(target, 'restarted')),
  status: showStatus,
};

/** As `kubectl rollout` and `oc rollout`. `status` ends with exit code 1 if the rollout failed or waits for somebody. */
export async function rollout(args: string[]): Promise<number> {
  const given = parse(args, { revision: { type: 'string' }, 'to-revision': { type: 'string' }, again: { type: 'boolean' }, 'no-watch': { type: 'boolean' }, timeout: { type: 'string' } });
  const [action = '', ...words] = given.positionals;
  const run = Object.hasOwn(actions, action) ? actions[action as RolloutAction] : undefined;
  if (!run || words.length === 0) throw new UserError(`Name an action and a workload: slipway rollout <${Object.keys(actions).join('|')}> <kind/name>`, 2);
  const { connection, namespace } = await connectHome(given);
  try {
    return await run(connection.client, await rolloutTarget(connection.client, namespace, words), given);
  } finally {
    await connection.dispose();
  }
}

function say({ of, name }: RolloutTarget, what: string): number {
  process.stdout.write(`${of.singular}/${name} ${what}\n`);
  return 0;
}

async function showHistory(client: Client, target: RolloutTarget, given: Arguments): Promise<number> {
  const { revisions } = await readHistory(client, target);
  const asked = given.count('revision');
  if (asked !== undefined) {
    process.stdout.write(revisionText(findRevision(target, revisions, asked)));
    return 0;
  }
  const phases = revisions.some(({ phase }) => phase !== undefined);
  const now = new Date();
  const row = ({ number, phase, created, cause, current }: Revision) => [`${number}${current ? '*' : ''}`, ...(phases ? [phase ?? ''] : []), agoOf(created, now), cause || '<none>'];
  const rows = [['REVISION', ...(phases ? ['STATUS'] : []), 'CREATED', 'CAUSE'], ...[...revisions].reverse().map(row)];
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((one) => one[at]?.length ?? 0)));
  process.stdout.write(rows.map((one) => `${one.map((cell, at) => cell.padEnd((widths[at] ?? 0) + 3)).join('').trimEnd()}\n`).join(''));
  return 0;
}

async function showCancel(client: Client, target: RolloutTarget): Promise<number> {
  const cancelled = await cancel(client, target);
  return say(target, cancelled.length === 0 ? 'has no rollout in progress' : `rollout ${cancelled.map((version) => `#${version}`).join(', ')} cancelled`);
}

async function showStatus(client: Client, target: RolloutTarget, given: Arguments): Promise<number> {
  const timeout = given.milliseconds('timeout');
  const print = ({ message }: { message: string }) => void process.stdout.write(`${message}\n`);
  if (given.flag('no-watch')) {
    const state = rolloutState(target, await client.get(target.of, { namespace: target.namespace, name: target.name }));
    print(state);
    return state.phase === 'failed' ? 1 : 0;
  }
  const signal = timeout === undefined ? undefined : AbortSignal.timeout(timeout);
  const revision = given.count('revision');
  try {
    const { phase } = await followStatus(client, target, print, { ...(revision !== undefined && { revision }), ...(signal && { signal }) });
    return phase === 'complete' ? 0 : 1;
  } catch (error) {
    if (signal?.aborted) throw new UserError(`The rollout did not end within ${given.text('timeout')}.`);
    throw error;
  }
}
