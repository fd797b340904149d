/** The `build` program: reads its settings, builds, leaves a termination message, cleans up whatever happens. */
import { rm, writeFile } from 'node:fs/promises';
import { buildByStrategy } from './build-by-strategy.ts';
import { cancelled, toFailure } from './failure.ts';
import { encodeTermination, Progress } from './progress.ts';
import { readSettings, type BuildSettings } from './settings.ts';

const snippetLines = 10;
const snippetBytes = 1500;

export async function runBuild(env: NodeJS.ProcessEnv): Promise<number> {
  const last: string[] = [];
  const write = (line: string) => process.stdout.write(`${line}\n`);
  const keep = (line: string) => {
    write(line);
    for (const one of line.startsWith('::') ? [] : line.split('\n')) last.push(one);
    if (last.length > snippetLines) last.splice(0, last.length - snippetLines);
  };
  const progress = new Progress(keep, () => new Date());
  const stop = new AbortController();
  const onSignal = () => stop.abort(cancelled());
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  let settings: BuildSettings | undefined;
  try {
    settings = await readSettings(env);
    const { imageDigest, revision } = await buildByStrategy(settings, process.stdin, progress, () => new Date(), stop.signal);
    await leave(settings, progress.termination({ ...(imageDigest && { imageDigest }), ...(revision && { revision: { commit: revision.commit, message: revision.message, author: revision.author } }) }));
    return 0;
  } catch (error) {
    const failure = toFailure(error);
    progress.fail(failure);
    const logSnippet = last.join('\n').slice(-snippetBytes);
    write(`error: build error: ${failure.message}`);
    if (settings) await leave(settings, progress.termination({ reason: failure.reason, message: failure.message, logSnippet }));
    return 1;
  } finally {
    // Mounts below the folder end with the namespaces that made them.
    if (settings) await rm(settings.folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
    process.stdin.destroy();
  }
}

async function leave(settings: BuildSettings, termination: Parameters<typeof encodeTermination>[0]): Promise<void> {
  await writeFile(settings.terminationLog, encodeTermination(termination)).catch((error: Error) => {
    process.stderr.write(`the termination message could not be written: ${error.message}\n`);
  });
}
