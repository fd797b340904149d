/** The client of a module, which exists once the module has started; kinds are described before that. */
import { serviceUnavailable } from '../../../api/status.ts';
import type { Client } from '../../../client/client.ts';

export class LateClient {
  #client: Client | undefined;

  set(client: Client): void {
    this.#client = client;
  }

  get(): Client {
    if (!this.#client) throw serviceUnavailable('the platform is starting, try again in a moment');
    return this.#client;
  }
}
