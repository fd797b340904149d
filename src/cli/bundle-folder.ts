import { realpathSync } from 'node:fs';
import path from 'node:path';

/** The folder of the product's bundles, this command's among them. Installed commands are links into the package. */
export function bundleFolder(): string {
  return path.dirname(realpathSync(process.argv[1] ?? __filename));
}
