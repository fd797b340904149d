/** Answers from outside, kept for a while as DNS allows (RFC 1035 and 2308); pure but for the question under way. */

/** Longest time an answer is kept, whatever it allows itself (as CoreDNS in Kubernetes): what changes outside is seen soon. */
const longestMs = 30_000;
/** For a name or kind of record that is not there, if the answer says nothing itself. */
const missingMs = 5_000;
/** Answers kept; beyond, the oldest goes. */
const mostAnswers = 4_096;
const headerBytes = 12;
const truncated = 0x02;
/** OPT, whose "TTL" is flags (RFC 6891 6.1.3). */
const optType = 41;
const soaType = 6;

interface Kept {
  answer: Buffer;
  /** Where its times to live stand, in seconds. */
  ttls: readonly number[];
  at: number;
  until: number;
}

export type Ask = (query: Buffer) => Promise<Buffer | undefined>;

export function cached(ask: Ask, now: () => number = Date.now): Ask {
  const kept = new Map<string, Kept>();
  const asking = new Map<string, Promise<Buffer | undefined>>();
  return async (query) => {
    const question = questionOf(query);
    // More than one question is nobody's habit.
    if (!question) return ask(query);
    const { end, key } = question;
    const known = kept.get(key);
    if (known && known.until > now()) return forAsker(known, query, end, Math.floor((now() - known.at) / 1000));
    kept.delete(key);
    const waiting = asking.get(key);
    if (waiting) {
      const answer = await waiting;
      return answer && forAsker({ answer, ttls: [] }, query, end, 0);
    }
    const asked = ask(query).finally(() => asking.delete(key));
    asking.set(key, asked);
    const answer = await asked;
    const lasting = answer && lifeOf(answer);
    if (answer && lasting && lasting.ms > 0) {
      if (kept.size >= mostAnswers) kept.delete(kept.keys().next().value!);
      kept.set(key, { answer: Buffer.from(answer), ttls: lasting.ttls, at: now(), until: now() + lasting.ms });
    }
    return answer;
  };
}

/** The only question, and what tells it from others: name in lower case, type, class, and what else the asker wants. */
function questionOf(query: Buffer): { end: number; key: string } | undefined {
  if (query.length < headerBytes || query.readUInt16BE(4) !== 1) return undefined;
  const end = skipName(query, headerBytes) + 4;
  if (end > query.length) return undefined;
  // Bits of the header that change answers (RD, CD) and the options that follow.
  return { end, key: `${query[2]} ${query[3]} ${query.subarray(headerBytes, end).toString('latin1').toLowerCase()} ${query.subarray(end).toString('latin1')}` };
}

/** With the asker's number, the question as he wrote it, and times to live as they are by now. */
function forAsker({ answer, ttls }: Pick<Kept, 'answer' | 'ttls'>, query: Buffer, questionEnd: number, age: number): Buffer {
  const copy = Buffer.from(answer);
  query.copy(copy, 0, 0, 2);
  query.copy(copy, headerBytes, headerBytes, questionEnd);
  for (const at of ttls) copy.writeUInt32BE(Math.max(0, copy.readUInt32BE(at) - age), at);
  return copy;
}

/** How long an answer may be kept, and where its times to live stand; undefined for what is not to be kept: failures, and what was cut. */
function lifeOf(answer: Buffer): { ms: number; ttls: number[] } | undefined {
  if (answer.length < headerBytes || answer.readUInt16BE(4) !== 1 || (answer[2]! & truncated) !== 0) return undefined;
  const code = answer[3]! & 0xf;
  if (code !== 0 && code !== 3) return undefined;
  const counts = [6, 8, 10].map((at) => answer.readUInt16BE(at));
  const ttls: number[] = [];
  let shortest = longestMs;
  let soa: number | undefined;
  let at = skipName(answer, headerBytes) + 4;
  for (const [section, count] of counts.entries()) {
    for (let index = 0; index < count; index += 1) {
      at = skipName(answer, at);
      if (at + 10 > answer.length) return undefined;
      const type = answer.readUInt16BE(at);
      const seconds = answer.readUInt32BE(at + 4);
      const length = answer.readUInt16BE(at + 8);
      if (type !== optType) {
        ttls.push(at + 4);
        if (section === 0) shortest = Math.min(shortest, seconds * 1000);
        // The last number of an SOA record is the time that "there is none" may be kept.
        if (section === 1 && type === soaType && at + 10 + length <= answer.length) soa = Math.min(seconds, answer.readUInt32BE(at + 10 + length - 4));
      }
      at += 10 + length;
    }
  }
  if (counts[0] === 0 || code === 3) return { ms: Math.min(longestMs, soa === undefined ? missingMs : soa * 1000), ttls };
  return { ms: shortest, ttls };
}

/** Behind a name; a pointer ends it (RFC 1035 4.1.4). */
function skipName(message: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const length = message[at];
    if (length === undefined) return message.length + 1;
    if (length === 0) return at + 1;
    if ((length & 0xc0) === 0xc0) return at + 2;
    at += 1 + length;
  }
}
