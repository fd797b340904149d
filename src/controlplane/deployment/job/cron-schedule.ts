/** Schedules of cron jobs: five fields, `@hourly` and its like, `@every 90m`; times of day are those of the time zone. */
import { Cron } from 'croner';
import { plainFields } from './cron-fields.ts';

export interface Schedule {
  /** First time after `date`; undefined: never again. */
  next(date: Date): Date | undefined;
}

const every = /^@every\s+((?:\d+(?:\.\d+)?(?:h|m|s|ms))+)$/;
const nicknames = new Set(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']);
const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Throws with what is wrong. Without `timeZone` times are this machine's. */
export function parseSchedule(text: string, timeZone?: string): Schedule {
  if (/^(?:CRON_)?TZ=/.test(text)) throw new Error('cannot use TZ or CRON_TZ in schedule, use timeZone field instead');
  const interval = every.exec(text)?.[1];
  if (interval !== undefined) {
    const ms = [...interval.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)].reduce((sum, [, number, unit = 's']) => sum + Number(number) * (units[unit] ?? 0), 0);
    const step = Math.max(1000, Math.floor(ms / 1000) * 1000);
    return { next: (date) => new Date(Math.floor(date.getTime() / 1000) * 1000 + step) };
  }
  if (text.startsWith('@') && !nicknames.has(text)) throw new Error(text.startsWith('@every ') ? `failed to parse duration ${text}` : `unrecognized descriptor: ${text}`);
  const cron = new Cron(text.startsWith('@') ? text : plainFields(text), { mode: '5-part', paused: true, ...(timeZone && { timezone: timeZone }) });
  return { next: (date) => cron.nextRun(date) ?? undefined };
}

export function isTimeZone(name: string): boolean {
  try {
    return name !== '' && name !== 'Local' && Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}
