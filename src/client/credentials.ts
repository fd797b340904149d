/** What a kubeconfig's user stands for, read when needed: files change and programs' tokens expire. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { ClusterEntry, ExecPlugin, UserEntry } from './kubeconfig.ts';
import type { Credentials, CredentialSource } from './transport.ts';

/** How long a token file's content is used before it is read again; tokens in files are renewed long before they expire. */
const fileMs = 60_000;
/** A token this close to its end is not used for another request. */
const marginMs = 10_000;
/** A program that asks for a password on a terminal nobody sees would wait for ever. */
const programMs = 60_000;
const programBytes = 1024 * 1024;

export function credentialsOf(user: UserEntry, cluster: ClusterEntry, clock: Clock): CredentialSource {
  let held: { credentials: Credentials; until: number } | undefined;
  let asking: Promise<Credentials> | undefined;
  const now = () => clock.now().getTime();

  const ask = async (): Promise<Credentials> => {
    const { certificate, key, basic } = user;
    const fixed: Credentials = {
      certificate: certificate ?? (user.certificateFile && (await file(user.certificateFile, 'client certificate'))),
      key: key ?? (user.keyFile && (await file(user.keyFile, 'client key'))),
      basic,
    };
    if (user.exec) {
      const { expires, ...own } = await run(user.exec, cluster);
      held = { credentials: { ...fixed, ...own }, until: expires === undefined ? Infinity : expires - marginMs };
    } else if (user.tokenFile) held = { credentials: { ...fixed, token: (await file(user.tokenFile, 'token')).trim() }, until: now() + fileMs };
    else held = { credentials: { ...fixed, token: user.token }, until: Infinity };
    return held.credentials;
  };

  return {
    async current() {
      if (held && held.until > now()) return held.credentials;
      // Many requests at once ask the program once.
      asking ??= ask().finally(() => (asking = undefined));
      return asking;
    },
    refused() {
      held = undefined;
      return user.exec !== undefined || user.tokenFile !== undefined;
    },
  };
}

/** A credential plugin: kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins */
async function run(plugin: ExecPlugin, cluster: ClusterEntry): Promise<Credentials & { expires?: number }> {
  const info = {
    apiVersion: plugin.apiVersion,
    kind: 'ExecCredential',
    spec: {
      interactive: false,
      ...(plugin.provideClusterInfo && {
        cluster: {
          server: cluster.server,
          ...(cluster.ca && { 'certificate-authority-data': Buffer.from(cluster.ca).toString('base64') }),
          ...(cluster.insecureSkipVerify && { 'insecure-skip-tls-verify': true }),
          ...(cluster.serverName && { 'tls-server-name': cluster.serverName }),
        },
      }),
    },
  };
  const command = /[\\/]/.test(plugin.command) ? path.resolve(plugin.directory, plugin.command) : plugin.command;
  const env = { ...process.env, ...plugin.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) };
  const output = await new Promise<string>((resolve, reject) => {
    execFile(command, plugin.args, { env, timeout: programMs, maxBuffer: programBytes, windowsHide: true }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      const why = missing ? 'it is not installed' : error.killed ? `no answer within ${programMs / 1000} s` : stderr.trim().slice(-1000) || error.message;
      reject(new Error(`the sign-in program "${plugin.command}" of the kubeconfig failed: ${why}${plugin.installHint ? `\n${plugin.installHint}` : ''}`, { cause: error }));
    });
  });
  const status = statusOf(output);
  if (!status?.['token'] && !status?.['clientCertificateData']) throw new Error(`the sign-in program "${plugin.command}" of the kubeconfig gave no credentials: run it by hand to see why`);
  const expires = Date.parse(status['expirationTimestamp'] ?? '');
  return {
    ...(status['token'] && { token: status['token'] }),
    ...(status['clientCertificateData'] && { certificate: status['clientCertificateData'], key: status['clientKeyData'] }),
    ...(!Number.isNaN(expires) && { expires }),
  };
}

/** Nothing of the output goes into an error: it may hold a secret. */
function statusOf(output: string): Record<string, string> | undefined {
  try {
    const { status, kind } = JSON.parse(output) as { kind?: string; status?: Record<string, string> };
    return kind === 'ExecCredential' ? status : undefined;
  } catch {
    return undefined;
  }
}

async function file(name: string, what: string): Promise<string> {
  try {
    return await readFile(name, 'utf8');
  } catch (error) {
    throw new Error(`the ${what} named in the kubeconfig cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
