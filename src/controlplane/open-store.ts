import type { Log } from '../base/log.ts';
import { StoreDamaged } from './kernel/store/failure.ts';
import type { Store } from './kernel/store/store.ts';
import { openSqliteStore } from './kernel/store/sqlite/sqlite-store.ts';

/** With `recover`, a damaged store is kept beside and a new one is made of what can still be read. */
export async function openStore(file: string, recover: boolean, log: Log): Promise<Store> {
  try {
    return await openSqliteStore({ file, log });
  } catch (error) {
    if (!recover || !(error instanceof StoreDamaged)) throw error;
    const salvage = await error.recover();
    log.warn('the store was recovered', { objects: salvage.objects, expected: salvage.expected, kept: salvage.kept });
    return openSqliteStore({ file, log });
  }
}
