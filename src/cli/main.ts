import './node-version.ts';
import { fail } from './failure.ts';
import { usage, verbs } from './verbs.ts';

const [name = 'help', ...rest] = process.argv.slice(2);
const verb = verbs[name];
if (!verb) {
  const asked = ['help', '--help', '-h'].includes(name);
  (asked ? process.stdout : process.stderr).write(`${asked ? '' : `Unknown command "${name}".\n\n`}${usage}`);
  process.exitCode = asked ? 0 : 2;
} else {
  void verb(rest).then((code) => {
    process.exitCode = code;
  }, fail);
}
