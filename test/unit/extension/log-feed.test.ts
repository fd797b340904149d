import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LogFeed } from '../../../src/extension/panels/log-feed.ts';
import { olderLines, pageLines, type FeedToPage } from '../../../src/protocol/log-feed.ts';

const line = (text: string, time = '2026-01-01T00:00:00Z') => ({ time, text });
const many = (count: number) => Array.from({ length: count }, (_, index) => line(String(index)));
const textsOf = (message: FeedToPage | undefined) => (message && 'lines' in message ? message.lines.map(({ text }) => text) : undefined);

describe('a log feed', () => {
  let sent: FeedToPage[];
  let feed: LogFeed;
  beforeEach(() => {
    vi.useFakeTimers();
    sent = [];
    feed = new LogFeed(20_000, (message) => sent.push(message));
  });
  afterEach(() => {
    feed.dispose();
    vi.useRealTimers();
  });

  test('sends what came together in one message', () => {
    feed.add('a', [line('one')]);
    feed.add('a', [line('two')]);
    expect(sent).toEqual([]);
    vi.runAllTimers();
    expect(sent.map(textsOf)).toEqual([['one', 'two']]);
  });

  test('puts the lines of several sources in the order of time', () => {
    feed.add('a', [line('second', '2026-01-01T00:00:02.5Z'), line('third', '2026-01-01T00:00:03Z')]);
    feed.add('b', [line('first', '2026-01-01T00:00:01.25Z')]);
    feed.flush();
    expect(textsOf(sent[0])).toEqual(['first', 'second', 'third']);
  });

  test('counts, and sends nothing, while the reader has paused; then the newest lines', () => {
    feed.add('a', [line('seen')]);
    feed.flush();
    expect(feed.receive({ type: 'follow', follow: false })).toBe(true);
    feed.add('a', [line('unseen')]);
    feed.flush();
    expect(sent.at(-1)).toEqual({ type: 'unseen', count: 1 });
    feed.receive({ type: 'follow', follow: true });
    expect(sent.at(-1)).toMatchObject({ reset: true });
    expect(textsOf(sent.at(-1))).toEqual(['seen', 'unseen']);
  });

  test('keeps the page bounded and gives older lines when asked', () => {
    feed.add('a', many(pageLines + 1_500));
    feed.show();
    const shown = sent.at(-1);
    expect(textsOf(shown)).toHaveLength(pageLines);
    expect(shown).toMatchObject({ older: 1_500 });
    feed.receive({ type: 'older', before: 1_500 });
    expect(textsOf(sent.at(-1))).toHaveLength(olderLines);
    expect(sent.at(-1)).toMatchObject({ type: 'older', older: 500 });
    feed.receive({ type: 'older', before: 500 });
    expect(sent.at(-1)).toMatchObject({ older: 0 });
  });

  test('forgets one source and leaves the others', () => {
    feed.add('a', [line('a1')]);
    feed.add('b', [line('b1')]);
    feed.flush();
    feed.clear('a');
    expect(textsOf(sent.at(-1))).toEqual(['b1']);
    feed.restart();
    expect(textsOf(sent.at(-1))).toEqual([]);
  });

  test('leaves other messages to its owner', () => {
    expect(feed.receive({ type: 'ready' })).toBe(false);
  });
});
