import { installCodeServer } from './install-code-server.mjs';

/** Once before all end-to-end tests; a checkout that has it already loses no time. */
export function setup(): void {
  installCodeServer();
}
