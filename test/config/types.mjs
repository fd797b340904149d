// Type-checks each environment with its own rules: Node, the pages, tests that act inside a page, and the folders that may use no platform at all.
import { spawnSync } from 'node:child_process';

let failed = false;
for (const project of ['tsconfig.json', 'test/config/tsconfig.webviews.json', 'test/config/tsconfig.e2e.json', 'test/config/tsconfig.pure.json']) {
  const result = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', project], { stdio: 'inherit' });
  failed ||= result.status !== 0;
}
process.exit(failed ? 1 : 0);
