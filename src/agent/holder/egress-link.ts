/** A real way out for the holder's network: slirp4netns or pasta, where this user may open `/dev/net/tun`. Probed by doing. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { run } from '../runtime/run.ts';
import { identify, isAlive, type ProcessIdentity } from '../runtime/procfs.ts';
import { findProgram, systemEnvironment } from '../runtime/system-path.ts';
import type { EgressMode } from './holder-state.ts';

const device = 'tap0';
const podRange = '10.128.0.0/14';
/** slirp4netns(1): its gateway is the host, loopback included: what `host.slipway.internal` is to mean. */
const slirpHost = '10.0.2.2';
const machineRange = '100.64.0.0/24';

export interface EgressLink {
  mode: EgressMode;
  helper?: ProcessIdentity;
}

/** `inside` runs a command in the holder's network. Never rejects: without a link traffic takes the relay. */
export async function linkEgress(holderPid: number, inside: (argv: string[]) => string[]): Promise<EgressLink> {
  const relay = (why: string): EgressLink => ({ mode: { mode: 'relay', why } });
  const slirp = findProgram('slirp4netns');
  const pasta = findProgram('pasta');
  if (!slirp && !pasta) return relay('neither slirp4netns nor pasta is installed');
  try {
    closeSync(openSync('/dev/net/tun', 'r+'));
  } catch (error) {
    return relay(`/dev/net/tun does not open: ${(error as Error).message}`);
  }
  const argv = slirp
    ? [slirp, '--configure', '--mtu=65520', `--userns-path=/proc/${holderPid}/ns/user`, String(holderPid), device]
    : [pasta!, '--config-net', '--foreground', '--quiet', '--no-map-gw', '--ns-ifname', device, '-t', 'none', '-u', 'none', '-T', 'none', '-U', 'none', String(holderPid)];
  const child = spawn(argv[0]!, argv.slice(1), { detached: true, stdio: 'ignore', env: systemEnvironment });
  const failed = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code) => resolve(`it ended with ${code}`));
  });
  child.unref();
  const helper = child.pid === undefined ? undefined : identify(child.pid);
  const up = run(inside(['sh', '-c', `i=0; until ip route show default | grep -q ${device}; do i=$((i+1)); [ $i -lt 40 ] || exit 1; sleep 0.05; done`]), { env: systemEnvironment }).then(() => undefined, () => 'its interface did not come up');
  const trouble = (await Promise.race([failed, up])) ?? (await masquerade(inside));
  if (trouble !== undefined || !helper) {
    if (helper && isAlive(helper)) process.kill(helper.pid, 'SIGKILL');
    return relay(`${slirp ? 'slirp4netns' : 'pasta'}: ${trouble ?? 'it did not start'}`);
  }
  return { mode: slirp ? { mode: 'slirp4netns', hostAddress: slirpHost } : { mode: 'pasta' }, helper };
}

/** Pods' and nodes' addresses mean nothing outside. Answers what went wrong. */
async function masquerade(inside: (argv: string[]) => string[]): Promise<string | undefined> {
  if (findProgram('nft')) {
    const rules = `table ip slipway { chain out { type nat hook postrouting priority 100; ip saddr { ${podRange}, ${machineRange} } oifname "${device}" masquerade } }`;
    if (await run(inside(['nft', rules]), { env: systemEnvironment }).then(() => true, () => false)) return undefined;
  }
  if (!findProgram('iptables')) return 'address translation needs nft or iptables';
  for (const range of [podRange, machineRange]) {
    const done = await run(inside(['iptables', '-t', 'nat', '-A', 'POSTROUTING', '-s', range, '-o', device, '-j', 'MASQUERADE']), { env: systemEnvironment }).then(() => undefined, (error: Error) => error.message);
    if (done !== undefined) return done;
  }
  return undefined;
}
