import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { diskFailed } from '../../../../../../src/controlplane/kernel/store/failure.ts';
import { openSqliteStore } from '../../../../../../src/controlplane/kernel/store/sqlite/sqlite-store.ts';
import { storeContract } from '../contract.ts';

storeContract('embedded', async (history) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'store-'));
  const file = path.join(folder, 'store.db');
  let fail = false;
  const open = () =>
    openSqliteStore({
      file,
      ...(history && { history }),
      through: (writer) => ({
        get gone() {
          return writer.gone;
        },
        async commit(batch) {
          if (!fail) return writer.commit(batch);
          fail = false;
          await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
          throw diskFailed(file, 'input/output error');
        },
        dispose: () => writer.dispose(),
      }),
    });
  let store = await open();
  return {
    store,
    async reopen() {
      await store.dispose();
      return (store = await open());
    },
    failNextCommit: () => (fail = true),
    async dispose() {
      await store.dispose();
      rmSync(folder, { recursive: true });
    },
  };
});
