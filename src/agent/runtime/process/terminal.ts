/** A terminal by the system's own `script`: util-linux' takes one text for a shell, BSD's a command line. */
import { shimDescriptors } from '../../../protocol/shim.ts';
import { shellQuote } from '../run.ts';

const { report, handOver } = shimDescriptors;

/** `reports`: the application tells its pid on the report descriptor, since `script` is the process that was started. Linux only. */
export function terminalCommand(argv: readonly string[], reports: boolean, platform: NodeJS.Platform = process.platform): string[] {
  if (platform === 'darwin') return ['script', '-q', '/dev/null', ...argv];
  const [file = ''] = argv;
  const tell = [
    `echo "pid $$" >&${report}`,
    `command -v -- ${shellQuote(file)} >/dev/null || { echo "error exec: "${shellQuote(file)}": executable file not found in PATH" >&${report}; exit 128; }`,
    `echo started >&${report}`,
    `exec ${report}>&- ${handOver}<&-`,
  ];
  return ['script', '-qfec', [...(reports ? tell : []), `exec ${argv.map(shellQuote).join(' ')}`].join('; '), '/dev/null'];
}
