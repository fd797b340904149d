/** One line of a container's log file in CRI form: `<RFC3339Nano> <stdout|stderr> <F|P> <text>`. Offsets only: nothing is decoded that nobody reads. */
const space = 0x20;
const full = 0x46;

export interface EntryBounds {
  /** End of the time stamp. */
  stampEnd: number;
  /** Start of the text. */
  text: number;
  /** The line ends here; otherwise its next part follows. */
  full: boolean;
}

/** Of `bytes[from, to)`, which holds no newline; `undefined` for what is no entry (a write cut short by a crash). */
export function entryAt(bytes: Buffer, from: number, to: number): EntryBounds | undefined {
  const stampEnd = bytes.indexOf(space, from);
  if (stampEnd < 0 || stampEnd >= to) return undefined;
  const streamEnd = bytes.indexOf(space, stampEnd + 1);
  if (streamEnd < 0 || streamEnd >= to) return undefined;
  const tagEnd = bytes.indexOf(space, streamEnd + 1);
  const end = tagEnd < 0 || tagEnd > to ? to : tagEnd;
  return { stampEnd, text: Math.min(end + 1, to), full: bytes[streamEnd + 1] === full };
}
