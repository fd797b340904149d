import { tidyMemoryOnce } from '../client/daemon/tidy-memory.ts';
import { serveBuilderImage } from './catalog/builder-process.ts';
import { probeRuntimes } from './machine/probe-runtimes.ts';
import { parseOptions } from './options.ts';
import { startControlPlane } from './control-plane.ts';
import { reportTo, failureReport } from './start-report.ts';

const options = parseOptions(process.argv.slice(2));
const report = reportTo(process.stdout);

if (options.probe) void probeRuntimes().then((found) => process.stdout.write(`${JSON.stringify(found)}\n`));
else if (options.makeBuilder !== undefined) void serveBuilderImage(options.makeBuilder);
else {
  const end = new AbortController();
  const stop = () => end.abort();
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // Owned by whoever started it: it ends when that process does.
  if (options.attached) process.stdin.on('end', stop).on('error', stop).resume();
  else process.on('SIGHUP', () => undefined);
  void startControlPlane(options, report, end.signal).then(
    (running) => {
      tidyMemoryOnce();
      running.onStopped(() => process.exit(0));
      const finish = () => void running.stop().then(() => process.exit(0), () => process.exit(1));
      if (end.signal.aborted) finish();
      else end.signal.addEventListener('abort', finish);
    },
    (error: unknown) => {
      if (end.signal.aborted) process.exit(0);
      report(failureReport(error));
      process.exitCode = 3;
      setTimeout(() => process.exit(3), 200).unref();
    },
  );
}
