/** Removes what a platform made at an engine: its containers and its network, by their marks. Images stay, as a cache, under names of their own. */
import type { Log } from '../../../base/log.ts';
import type { EngineChoice } from '../../../protocol/agent.ts';
import { engineClient, isEngineError, type EngineClient } from './engine-client.ts';
import type { EngineNetwork, ListedContainer } from './engine-objects.ts';
import { engineLabels, ownFilter } from './labels.ts';

/** Seconds between TERM and KILL: databases get the time to close their files. */
const graceSeconds = 5;

/** No agent of the home may run. An engine that does not answer keeps what it has; the next start finds it again. */
export async function clearEngine({ address, home }: Pick<EngineChoice, 'address' | 'home'>, log: Log): Promise<void> {
  let engine: EngineClient;
  try {
    engine = await engineClient(address);
  } catch (error) {
    log.warn('the container engine does not answer: its containers stay until the next stop', { error });
    return;
  }
  try {
    const all = await engine.call<ListedContainer[]>('GET', '/containers/json', { query: { all: true, filters: ownFilter(home, undefined) } });
    const running = all.filter(({ State, Labels }) => State === 'running' && Labels?.[engineLabels.role] === 'container');
    await Promise.all(running.map(({ Id }) => engine.call('POST', `/containers/${Id}/stop`, { query: { t: graceSeconds } }).catch(() => undefined)));
    // Those whose network others share go last.
    const order = (role: string | undefined) => ['container', 'helper', 'pod', 'node'].indexOf(role ?? '');
    for (const role of [0, 1, 2, 3]) await Promise.all(all.filter(({ Labels }) => order(Labels?.[engineLabels.role]) === role).map(({ Id }) => remove(engine, `/containers/${Id}`)));
    const networks = await engine.call<EngineNetwork[]>('GET', '/networks', { query: { filters: ownFilter(home, undefined) } });
    for (const { Name, Labels } of networks) if (Labels?.[engineLabels.home] === home) await remove(engine, `/networks/${Name}`);
  } catch (error) {
    log.warn('something of this platform could not be removed from the container engine', { error });
  } finally {
    engine.close();
  }
}

async function remove(engine: EngineClient, path: string): Promise<void> {
  await engine.call('DELETE', path, { query: path.startsWith('/containers') ? { force: true, v: true } : {} }).catch((error: unknown) => {
    if (!isEngineError(error, 404)) throw error;
  });
}
