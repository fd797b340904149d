import { parse } from '../arguments.ts';
import { connectHome } from '../connect.ts';
import { UserError } from '../failure.ts';

/** bash where there is one. */
const shell = ['/bin/sh', '-c', 'command -v bash >/dev/null 2>&1 && exec bash || exec sh'];

/** Ends with the exit code of what ran. */
export async function rsh(args: string[]): Promise<number> {
  // What follows the pod's name belongs to the command, options included.
  const own = ownArguments(args);
  const given = parse(args.slice(0, own), { container: { type: 'string', short: 'c' } });
  const [pod] = given.positionals;
  if (!pod) throw new UserError('Name a pod: slipway rsh <pod> [COMMAND…]', 2);
  const command = args.slice(own).filter((word, index) => !(index === 0 && word === '--'));
  const { connection, namespace } = await connectHome(given);
  const { stdin, stdout, stderr } = process;
  const tty = stdin.isTTY === true && stdout.isTTY === true;
  try {
    const session = await connection.exec({ namespace, pod, container: given.text('container'), command: command.length > 0 ? command : shell, tty, stdin: true });
    const resize = () => session.resize(stdout.columns, stdout.rows);
    if (tty) {
      stdin.setRawMode(true);
      stdout.on('resize', resize);
      resize();
    }
    if (session.stdin) stdin.pipe(session.stdin);
    session.stdout.pipe(stdout, { end: false });
    session.stderr.pipe(stderr, { end: false });
    try {
      return (await session.exit).code;
    } finally {
      if (tty) stdin.setRawMode(false);
      stdout.off('resize', resize);
      stdin.destroy();
    }
  } finally {
    await connection.dispose();
  }
}

/** How many words belong to the verb: options (those with a value take two) up to and with the pod's name. */
function ownArguments(args: readonly string[]): number {
  const withValue = new Set(['--home', '-n', '--namespace', '--project', '-c', '--container']);
  let index = 0;
  while (index < args.length) {
    const word = args[index] ?? '';
    if (!word.startsWith('-')) return index + 1;
    index += withValue.has(word) ? 2 : 1;
  }
  return index;
}
