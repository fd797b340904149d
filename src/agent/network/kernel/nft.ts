/** The kernel's packet rules of this network namespace, by the program `nft`. Found out by doing whether they can be used here. */
import { run } from '../../runtime/run.ts';
import { findProgram, systemEnvironment } from '../../runtime/system-path.ts';
import { changeScript, makeScript, type NftTable } from './nft-table.ts';

/** Everything that our tables use. */
const probe = `
add table ip slipway-probe
delete table ip slipway-probe
add table ip slipway-probe
add map ip slipway-probe services { type ipv4_addr . inet_proto . inet_service : verdict ; }
add map ip slipway-probe zones { typeof ip daddr . udp dport : ct zone ; }
add set ip slipway-probe clients { type ipv4_addr ; flags dynamic,timeout ; timeout 60s ; }
add chain ip slipway-probe service
add rule ip slipway-probe service update @clients { ip saddr }
add rule ip slipway-probe service meta l4proto tcp dnat ip to numgen inc mod 2 map { 0 : 192.0.2.1 . 80, 1 : 192.0.2.2 . 80 }
add chain ip slipway-probe dispatch { type nat hook prerouting priority -100 ; }
add rule ip slipway-probe dispatch ip daddr . meta l4proto . th dport vmap @services
add rule ip slipway-probe dispatch ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto tcp accept
add chain ip slipway-probe source { type nat hook postrouting priority 100 ; }
add rule ip slipway-probe source ct status dnat ip saddr 192.0.2.0/24 masquerade
add chain ip slipway-probe raw { type filter hook prerouting priority -300 ; }
add rule ip slipway-probe raw meta l4proto udp ct original zone set ip daddr . udp dport map @zones
add chain ip slipway-probe filter { type filter hook forward priority 0 ; }
add rule ip slipway-probe filter ct state established,related accept
add rule ip slipway-probe filter meta l4proto tcp reject with tcp reset
delete table ip slipway-probe
`;

export type NftProbe = { program: string } | { why: string; fix: string };

export const nftPackage = 'nftables';

/** `inside`: command line that runs `argv` where the rules are to be. */
export async function probeNft(inside: (argv: string[]) => string[] = (argv) => argv): Promise<NftProbe> {
  const program = findProgram('nft');
  if (!program) return { why: 'the program nft is not installed', fix: `sudo apt-get install ${nftPackage}   (or your system's package of the same name)` };
  try {
    await run(inside([program, '-f', '-']), { input: probe, env: systemEnvironment });
    return { program };
  } catch (error) {
    return { why: `the kernel refuses packet rules here: ${firstLine((error as Error).message)}`, fix: 'A kernel with nf_tables, nft_nat and nf_conntrack is needed (in a container: one that lets user namespaces use them).' };
  }
}

const firstLine = (text: string) => text.split('\n').find((line) => line.trim() !== '') ?? text;

/** One table, made by us and nobody else. Changes are applied one after the other. */
export class KernelTable {
  readonly #program: string;
  readonly #name: string;
  /** As the kernel has it; undefined: unknown, so that the next change makes all of it anew. */
  #state: NftTable | undefined;
  #work: Promise<unknown> = Promise.resolve();

  constructor(program: string, name: string) {
    this.#program = program;
    this.#name = name;
  }

  /** Rejects if the kernel refused it; then nothing changed. */
  set(table: NftTable): Promise<void> {
    const done = this.#work.then(() => this.#set(table));
    this.#work = done.catch(() => undefined);
    return done;
  }

  remove(): Promise<void> {
    const done = this.#work.then(() => {
      this.#state = undefined;
      return this.#run(`add table ip ${this.#name}\ndelete table ip ${this.#name}\n`);
    });
    this.#work = done.catch(() => undefined);
    return done;
  }

  async #set(table: NftTable): Promise<void> {
    const before = this.#state;
    this.#state = undefined;
    try {
      const script = before && changeScript(this.#name, before, table);
      if (script !== '') await this.#run(script ?? makeScript(this.#name, table));
    } catch (error) {
      if (!before) throw error;
      // Somebody else may have touched it.
      await this.#run(makeScript(this.#name, table));
    }
    this.#state = table;
  }

  async #run(script: string): Promise<void> {
    await run([this.#program, '-f', '-'], { input: script, env: systemEnvironment });
  }
}
