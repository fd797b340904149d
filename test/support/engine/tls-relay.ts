/** TLS in front of an engine's socket, as `dockerd --tlsverify` has it: whoever connects shows a certificate of the same authority. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import path from 'node:path';
import { createServer } from 'node:tls';
import { authority } from '../certificates.ts';

export interface TlsRelay {
  /** `tcp://127.0.0.1:<port>`. */
  url: string;
  close(): Promise<void>;
}

/** `folder` gets `ca.pem`, `cert.pem` and `key.pem` of a client. */
export async function tlsRelay(socketPath: string, folder: string): Promise<TlsRelay> {
  const ca = await authority();
  const [server, client] = await Promise.all([ca.sign('CN=engine', ['127.0.0.1']), ca.sign('CN=client')]);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, text] of [['ca.pem', ca.certificate], ['cert.pem', client.certificate], ['key.pem', client.key]] as const) writeFileSync(path.join(folder, name), text, { mode: 0o600 });
  const open = new Set<{ destroy(): void }>();
  const relay = createServer({ ca: ca.certificate, cert: server.certificate, key: server.key, requestCert: true, rejectUnauthorized: true, allowHalfOpen: true }, (near) => {
    const far = connect({ path: socketPath, allowHalfOpen: true });
    for (const [one, other] of [[near, far], [far, near]] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  relay.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  return {
    url: `tcp://127.0.0.1:${(relay.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => {
      relay.close(() => resolve());
      for (const one of open) one.destroy();
    }),
  };
}
