import { parseArgs } from 'node:util';

/** What `control-plane.js` is started with; the command and the extension have checked it. */
export interface ControlPlaneOptions {
  home: string;
  /** 0 or undefined: any free port. */
  apiPort: number | undefined;
  runtime: 'sandbox' | 'process' | 'engine' | undefined;
  /** Address of the container engine. */
  engine: string | undefined;
  router: 'slipway' | 'haproxy';
  httpPort: number | undefined;
  httpsPort: number | undefined;
  /** Ends with its standard input. */
  attached: boolean;
  /** Salvage a damaged store. */
  recover: boolean;
  /** Only tell which runtimes this machine can run. */
  probe: boolean;
  /** Only make the image of this builder, for a control plane that asks for it. */
  makeBuilder: string | undefined;
}

export function parseOptions(args: string[]): ControlPlaneOptions {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({
    args,
    options: { home: text, 'api-port': text, runtime: text, engine: text, router: text, 'http-port': text, 'https-port': text, attached: flag, recover: flag, probe: flag, 'make-builder': text },
  });
  const port = (value: string | undefined) => (value === undefined ? undefined : Number(value));
  return {
    home: values.home ?? '',
    apiPort: port(values['api-port']),
    runtime: values.runtime === 'sandbox' || values.runtime === 'process' || values.runtime === 'engine' ? values.runtime : undefined,
    engine: values.engine,
    router: values.router === 'haproxy' ? 'haproxy' : 'slipway',
    httpPort: port(values['http-port']),
    httpsPort: port(values['https-port']),
    attached: values.attached ?? false,
    recover: values.recover ?? false,
    probe: values.probe ?? false,
    makeBuilder: values['make-builder'],
  };
}
