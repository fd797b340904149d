import { once } from 'node:events';
import { startPlatform } from '../../client/daemon/start.ts';
import { parse } from '../arguments.ts';
import { bundleFolder } from '../bundle-folder.ts';
import { UserError } from '../failure.ts';

/** Runs until Ctrl-C, which stops the apps too; with `--detach` returns once the API answers and pods can run. */
export async function up(args: string[]): Promise<number> {
  const given = parse(args, {
    'api-port': { type: 'string' }, 'http-port': { type: 'string' }, 'https-port': { type: 'string' },
    runtime: { type: 'string' }, engine: { type: 'string' }, router: { type: 'string' }, detach: { type: 'boolean' }, recover: { type: 'boolean' },
  });
  const runtime = given.text('runtime');
  const engine = given.text('engine');
  if (runtime !== undefined && !['sandbox', 'process', 'engine'].includes(runtime)) throw new UserError(`--runtime knows "sandbox", "engine" and "process", not "${runtime}".`, 2);
  if (engine !== undefined && runtime !== 'engine') throw new UserError('--engine names a container engine for --runtime engine.', 2);
  const router = given.text('router');
  if (router !== undefined && !['slipway', 'haproxy'].includes(router)) throw new UserError(`--router knows "slipway" and "haproxy", not "${router}".`, 2);
  const detached = given.flag('detach');
  const { info, process: child } = await startPlatform({
    home: given.home,
    bundles: bundleFolder(),
    detached,
    apiPort: given.number('api-port'),
    httpPort: given.number('http-port'),
    httpsPort: given.number('https-port'),
    runtime,
    engine,
    router,
    recover: given.flag('recover'),
    onPhase: (phase) => process.stderr.write(process.stderr.isTTY ? `  ${phase} …\n` : ''),
  });
  process.stdout.write(`ready ${info.api} kubeconfig=${info.kubeconfig}\n`);
  if (detached) return 0;
  const stop = () => child.kill('SIGTERM');
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
