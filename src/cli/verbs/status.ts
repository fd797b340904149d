import { platformState } from '../../client/daemon/control.ts';
import type { StatusDocument } from '../../protocol/daemon.ts';
import { parse } from '../arguments.ts';
import { UserError } from '../failure.ts';

declare const __VERSION__: string;

/** Exit code 0 while it runs, 1 otherwise. */
export async function status(args: string[]): Promise<number> {
  const given = parse(args, { output: { type: 'string', short: 'o' } });
  const output = given.text('output');
  if (output !== undefined && output !== 'json') throw new UserError(`--output knows "json", not "${output}".`, 2);
  const found = await platformState(given.home);
  const info = found.state === 'running' ? found.info : undefined;
  const document: StatusDocument = info
    ? { state: 'running', version: info.version, api: info.api, kubeconfig: info.kubeconfig, registry: info.registry, router: info.router, runtime: info.runtime }
    : { state: found.state, version: __VERSION__ };
  process.stdout.write(output === 'json' ? `${JSON.stringify(document, undefined, 2)}\n` : describe(document, given.home));
  return info ? 0 : 1;
}

function describe(document: StatusDocument, home: string): string {
  if (document.state === 'stopped') return `stopped\nStart it with: slipway up${home.endsWith('.slipway') ? '' : ` --home ${home}`}\n`;
  if (document.state === 'starting') return 'starting\n';
  if (document.state === 'failed') return 'failed: the control plane ended without stopping its apps\nGo on with: slipway up\nStop them with: slipway down\n';
  const rows: [string, string | undefined][] = [
    ['state', document.state], ['version', document.version], ['api', document.api], ['kubeconfig', document.kubeconfig], ['registry', document.registry],
    ['router', document.router && `${document.router.http} ${document.router.https}`], ['runtime', document.runtime],
  ];
  return rows.map(([name, value]) => `${name.padEnd(11)}${value ?? ''}\n`).join('');
}
