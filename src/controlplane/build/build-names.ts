/** Names made from a build's, within the lengths the API allows (OpenShift's apihelpers.GetName). */
import { createHash } from 'node:crypto';

const longestLabel = 63;
const longestName = 253;

/** `<config>-<number>`; longer ones keep their end, which tells them apart. */
export function buildName(config: string, number: number | string): string {
  const end = `-${number}`;
  return `${shortened(config, longestName - end.length)}${end}`;
}

/** `<build>-build`. */
export function buildPodName(build: string): string {
  return shortened(`${build}-build`, longestName);
}

/** A build's or build config's name as the value of a label. */
export function labelValue(name: string): string {
  return shortened(name, longestLabel).replace(/[-.]+$/, '');
}

/** Too long ones keep their start and get a hash, so that different names stay different. */
function shortened(name: string, limit: number): string {
  if (name.length <= limit) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${name.slice(0, limit - 9)}-${hash}`;
}
