/** How long ago, in the words of OpenShift's tables (docker/go-units `HumanDuration`). */
import type { Time } from './meta.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

export function agoOf(time: Time | undefined, now: Date): string {
  const at = Date.parse(time ?? '');
  return Number.isNaN(at) ? '' : `${relative(now.getTime() - at)} ago`;
}

function relative(ms: number): string {
  const seconds = Math.trunc(ms / second);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(ms / minute);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(ms / hour + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(hours / 24 / 365)} years`;
}
