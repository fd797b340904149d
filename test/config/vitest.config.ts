import { defineConfig } from 'vitest/config';

const project = (name: string, testTimeout: number) => ({
  test: { name, root: '.', include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout * 2 },
});

export default defineConfig({
  test: {
    projects: [project('unit', 20_000), project('flow', 180_000), project('conformance', 120_000), project('e2e', 300_000)],
  },
});
