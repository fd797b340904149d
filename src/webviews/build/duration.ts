/** `0.4 s`, `12 s`, `3 m 5 s`: how long it took from `from` to `to`, or to `now` while it goes on. */
export function duration(from: string, to: string | undefined, now: number): string {
  const ms = Math.max(0, (to ? Date.parse(to) : now) - Date.parse(from));
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
}
