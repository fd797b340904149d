/** Programs of the built-in image `slipway/tools`, one a container. */
const programs: Record<string, () => Promise<number>> = {
  build: async () => (await import('./build/run-build.ts')).runBuild(process.env),
  deploy: async () => (await import('../../deployment/tools/deploy.ts')).runDeployer(process.env, process.argv.slice(3)),
};

const name = process.argv[2] ?? '';
const program = programs[name];
if (program) {
  program().then(
    (code) => {
      // Whatever is still open (an idle connection) must not keep a finished container alive.
      process.stdout.write('', () => process.exit(code));
    },
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      process.exit(1);
    },
  );
} else {
  process.stderr.write(`unknown program "${name}"; there are: ${Object.keys(programs).join(', ')}\n`);
  process.exit(64);
}
