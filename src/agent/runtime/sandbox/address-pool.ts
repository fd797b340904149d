/** Pod addresses of one node. What is taken is known from the pods' records on disk; an address given back is reused last. */
import { formatAddress, parseCidr } from '../../holder/node-network.ts';

export class AddressPool {
  readonly #first: number;
  readonly #size: number;
  readonly #taken = new Set<string>();
  #next = 0;

  /** The range's own address, the bridge's (the first) and the broadcast are never given. */
  constructor(cidr: string) {
    const { base, prefix } = parseCidr(cidr);
    this.#first = base + 2;
    this.#size = 2 ** (32 - prefix) - 3;
  }

  /** Marks an address as taken by a pod that is there already. */
  keep(address: string): void {
    this.#taken.add(address);
    const index = parseCidr(`${address}/32`).base - this.#first;
    if (index >= this.#next) this.#next = (index + 1) % this.#size;
  }

  /** undefined if every address is taken. */
  take(): string | undefined {
    for (let tried = 0; tried < this.#size; tried += 1) {
      const address = formatAddress(this.#first + this.#next);
      this.#next = (this.#next + 1) % this.#size;
      if (this.#taken.has(address)) continue;
      this.#taken.add(address);
      return address;
    }
    return undefined;
  }

  give(address: string): void {
    this.#taken.delete(address);
  }
}
