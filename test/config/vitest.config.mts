import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** Bundles carry these as text (see build.mjs). */
const text = {
  name: 'text',
  enforce: 'pre' as const,
  load: (id: string) => (/\.(sh|txt)$/.test(id) ? `export default ${JSON.stringify(readFileSync(id, 'utf8'))};` : undefined),
};

const project = (name: string, testTimeout: number, more: Record<string, unknown> = {}) => ({
  plugins: [text],
  test: { name, root: '.', include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout * 2, ...more },
});

export default defineConfig({
  test: {
    projects: [project('unit', 20_000), project('flow', 180_000), project('conformance', 120_000), project('e2e', 300_000, { globalSetup: ['test/e2e/support/global-setup.ts'], fileParallelism: false })],
  },
});
