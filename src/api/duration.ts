/** `0.4 s`, `12 s`, `3 m 5 s`: how long it took from `from` to `to`, or to `now` while it goes on. */
export function duration(from: string, to: string | undefined, now: number): string {
  return durationText((to ? Date.parse(to) : now) - Date.parse(from));
}

/** Of milliseconds; less than none is none. */
export function durationText(milliseconds: number): string {
  const ms = Math.max(0, milliseconds);
  return ms < 9_950 ? `${(ms / 1000).toFixed(1)} s` : inSeconds(ms);
}

/** In whole seconds, for texts that count: `0 s`, `12 s`, `3 m 5 s`. */
export function inSeconds(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
}
