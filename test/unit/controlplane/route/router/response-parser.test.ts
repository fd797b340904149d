import { describe, expect, test } from 'vitest';
import { ResponseParser, type ResponseHead } from '../../../../../src/controlplane/route/router/response-parser.ts';

interface Read {
  heads: ResponseHead[];
  body: string;
  ends: string[][];
  reusable: boolean;
  properEnd: boolean;
  rest: string;
}

function read(text: string, { method = 'GET', upgrade = false, pieces = text.length || 1, close = false } = {}): Read {
  const heads: ResponseHead[] = [];
  const ends: string[][] = [];
  let body = '';
  const parser = new ResponseParser({ onHead: (head) => heads.push(head), onBody: (chunk) => (body += chunk.toString('latin1')), onEnd: (trailers) => ends.push(trailers) });
  parser.begin(method, upgrade);
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += pieces) parser.execute(bytes.subarray(at, at + pieces));
  const { reusable } = parser;
  const properEnd = close ? parser.finish() : false;
  return { heads, body, ends, reusable, properEnd, rest: parser.takeRest().toString() };
}
const crlf = (...lines: string[]) => lines.join('\r\n');

describe('responses', () => {
  const cases: [name: string, text: string, options: Parameters<typeof read>[1], result: Partial<Read>][] = [
    ['of known length', crlf('HTTP/1.1 200 OK', 'Content-Length: 5', '', 'hello'), {}, { body: 'hello', ends: [[]], reusable: true }],
    ['in chunks', crlf('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '5;x=y', 'hello', 'A', '0123456789', '0', '', ''), {}, { body: 'hello0123456789', ends: [[]], reusable: true }],
    ['in chunks with trailers', crlf('HTTP/1.1 200 OK', 'transfer-encoding: Chunked', '', '1', 'x', '0', 'Sum: 1', 'More: 2', '', ''), {}, { body: 'x', ends: [['Sum', '1', 'More', '2']], reusable: true }],
    ['until the end', crlf('HTTP/1.1 200 OK', '', 'all of it'), { close: true }, { body: 'all of it', ends: [[]], reusable: false, properEnd: true }],
    ['cut short', crlf('HTTP/1.1 200 OK', 'Content-Length: 9', '', 'part'), { close: true }, { body: 'part', ends: [], properEnd: false }],
    ['to HEAD', crlf('HTTP/1.1 200 OK', 'Content-Length: 500', '', ''), { method: 'HEAD' }, { body: '', ends: [[]], reusable: true }],
    ['without content', crlf('HTTP/1.1 204 No Content', '', ''), {}, { ends: [[]], reusable: true }],
    ['not modified, with the length it would have', crlf('HTTP/1.1 304 Not Modified', 'Content-Length: 9', '', ''), {}, { ends: [[]], reusable: true }],
    ['after informational ones', crlf('HTTP/1.1 100 Continue', '', 'HTTP/1.1 103 Early Hints', 'Link: x', '', 'HTTP/1.1 200', 'Content-Length: 0', '', ''), {}, { ends: [[]], reusable: true }],
    ['that close', crlf('HTTP/1.1 200 OK', 'Content-Length: 0', 'Connection: Close', '', ''), {}, { ends: [[]], reusable: false }],
    ['of HTTP/1.0', crlf('HTTP/1.0 200 OK', 'Content-Length: 1', '', 'x'), {}, { body: 'x', reusable: false }],
    ['that switch protocols', crlf('HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Accept: x', '', 'frames'), { upgrade: true }, { ends: [], rest: 'frames', reusable: false }],
  ];
  test.each(cases)('%s', (_name, text, options, result) => {
    const whole = read(text, options);
    expect(whole).toMatchObject(result);
    // Wherever the network cuts, the outcome is the same.
    for (const pieces of [1, 2, 3, 7, 19]) expect(read(text, { ...options, pieces })).toEqual(whole);
  });

  test('lose what was meant for this hop', () => {
    const [head] = read(crlf('HTTP/1.1 200 Fine', 'Connection: keep-alive, X-Hop', 'Keep-Alive: timeout=5', 'X-Hop: 1', 'Set-Cookie: a=1', 'set-cookie: b=2', 'Empty:', 'Content-Length: 2', '', 'ok')).heads;
    expect(head).toEqual({ status: 200, text: 'Fine', length: 2, headers: ['Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'Empty', '', 'Content-Length', '2'] });
  });
});

describe('refused', () => {
  test.each([
    ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n'],
    ['a length beside a coding', crlf('HTTP/1.1 200 OK', 'Content-Length: 5', 'Transfer-Encoding: chunked', '', '0', '', '')],
    ['two lengths', crlf('HTTP/1.1 200 OK', 'Content-Length: 5', 'Content-Length: 6', '', 'hello!')],
    ['a list of lengths', crlf('HTTP/1.1 200 OK', 'Content-Length: 5, 5', '', 'hello')],
    ['a negative length', crlf('HTTP/1.1 200 OK', 'Content-Length: -1', '', '')],
    ['an unknown coding', crlf('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked', '', '')],
    ['a chunk without size', crlf('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', 'x', '')],
    ['a chunk that is longer than it says', crlf('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '1', 'xx', '')],
    ['a folded field', crlf('HTTP/1.1 200 OK', 'A: 1', ' more', '', '')],
    ['a space before the colon', crlf('HTTP/1.1 200 OK', 'Content-Length : 5', '', 'hello')],
    ['a field without a colon', crlf('HTTP/1.1 200 OK', 'nonsense', '', '')],
    ['a switch nobody asked for', crlf('HTTP/1.1 101 Switching Protocols', '', '')],
    ['more than was asked for', crlf('HTTP/1.1 204 No Content', '', 'HTTP/1.1 200 OK', '', '')],
    ['a head without end', `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(70_000)}`],
  ])('%s', (_name, text) => {
    expect(() => read(text)).toThrow();
    expect(() => read(text, { pieces: 1 })).toThrow();
  });
});
