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
  void startControlPlane(options, report).then(
    (running) => {
      let stopping = false;
      const stop = () => {
        if (stopping) return;
        stopping = true;
        void running.stop().then(() => process.exit(0), () => process.exit(1));
      };
      process.on('SIGTERM', stop);
      process.on('SIGINT', stop);
      running.onStopped(() => process.exit(0));
      // Owned by whoever started it: it ends when that process does.
      if (options.attached) process.stdin.on('end', stop).on('error', stop).resume();
      else process.on('SIGHUP', () => undefined);
    },
    (error: unknown) => {
      report(failureReport(error));
      process.exitCode = 3;
      setTimeout(() => process.exit(3), 200).unref();
    },
  );
}
