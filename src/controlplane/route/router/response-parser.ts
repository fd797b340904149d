/**
 * Reads HTTP/1.1 responses of endpoints off a byte stream (RFC 9112). Written for a proxy: what is for this hop only is taken out at once,
 * bodies are handed on as they come. Anything ambiguous about where a response ends is an error, never a guess.
 */

export interface ResponseHead {
  status: number;
  /** Reason phrase. */
  text: string;
  /** Names and values in turn, without hop-by-hop fields. */
  headers: string[];
  /** Announced length of the body; -1 if it is told otherwise. 0 for responses without one. */
  length: number;
}

export interface ResponseHandler {
  /** The final response, or a 101 that was asked for; other informational ones are swallowed. */
  onHead(head: ResponseHead): void;
  /** A view into the bytes given to `execute`. */
  onBody(chunk: Buffer): void;
  onEnd(trailers: string[]): void;
}

export class BadResponse extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BadResponse';
  }
}

const largestHead = 64 * 1024;
/** Size line with extensions; trailers count like a head. */
const longestSizeLine = 4 * 1024;

const hopByHop = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te']);
const headEnd = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');
const none = Buffer.alloc(0);

type State = 'idle' | 'head' | 'length' | 'close' | 'size' | 'chunk' | 'chunkEnd' | 'trailers' | 'upgraded';

export class ResponseParser {
  readonly #handler: ResponseHandler;
  #state: State = 'idle';
  #method = '';
  #upgrade = false;
  /** Bytes of an unfinished head, line or separator. */
  #rest: Buffer = none;
  /** Of the body or chunk still to come. */
  #left = 0;
  #reusable = true;

  constructor(handler: ResponseHandler) {
    this.#handler = handler;
  }

  /** A response to this request comes next. */
  begin(method: string, upgrade: boolean): void {
    this.#state = 'head';
    this.#method = method;
    this.#upgrade = upgrade;
  }

  /** Whether another request may follow on the connection. Only true between responses. */
  get reusable(): boolean {
    return this.#reusable && this.#state === 'idle' && this.#rest.length === 0;
  }

  /** Bytes after a 101: they belong to the new protocol. */
  takeRest(): Buffer {
    const rest = this.#rest;
    this.#rest = none;
    return rest;
  }

  /** Throws `BadResponse`; the connection is of no use then. */
  execute(bytes: Buffer): void {
    let chunk = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes;
    this.#rest = none;
    while (chunk.length > 0) {
      const used = this.#step(chunk);
      if (used < 0) {
        this.#rest = chunk;
        return;
      }
      chunk = used === chunk.length ? none : chunk.subarray(used);
    }
  }

  /** The endpoint will send no more. True if that is a proper end of the response. */
  finish(): boolean {
    if (this.#state === 'close') {
      this.#end([]);
      return true;
    }
    return this.#state === 'idle';
  }

  /** Bytes used of `chunk`; -1: more are needed. */
  #step(chunk: Buffer): number {
    switch (this.#state) {
      case 'idle':
        throw new BadResponse('the endpoint sent what nobody asked for');
      case 'head':
        return this.#readHead(chunk);
      case 'length': {
        const part = chunk.length <= this.#left ? chunk : chunk.subarray(0, this.#left);
        this.#left -= part.length;
        this.#handler.onBody(part);
        if (this.#left === 0) this.#end([]);
        return part.length;
      }
      case 'close':
        this.#handler.onBody(chunk);
        return chunk.length;
      case 'size':
        return this.#readSize(chunk);
      case 'chunk': {
        const part = chunk.length <= this.#left ? chunk : chunk.subarray(0, this.#left);
        this.#left -= part.length;
        if (this.#left === 0) this.#state = 'chunkEnd';
        this.#handler.onBody(part);
        return part.length;
      }
      case 'chunkEnd':
        if (chunk.length < 2) return -1;
        if (chunk[0] !== 13 || chunk[1] !== 10) throw new BadResponse('a chunk does not end where it says');
        this.#state = 'size';
        return 2;
      case 'trailers':
        return this.#readTrailers(chunk);
      case 'upgraded':
        return -1;
    }
  }

  #readHead(chunk: Buffer): number {
    const end = chunk.indexOf(headEnd);
    const text = chunk.toString('latin1', 0, end < 0 ? Math.min(chunk.length, largestHead) : end);
    const line = text.indexOf('\n');
    if (line > 0 && text.charCodeAt(line - 1) !== 13) return this.#readBareHead(chunk);
    if (end < 0) {
      if (chunk.length > largestHead) throw new BadResponse('the head of the response is too large');
      return -1;
    }
    if (end > largestHead) throw new BadResponse('the head of the response is too large');
    this.#parseHead(text);
    return end + headEnd.length;
  }

  /** Lines that end without a carriage return, as small scripts write them (RFC 9112 section 2.2). */
  #readBareHead(chunk: Buffer): number {
    const text = chunk.toString('latin1', 0, Math.min(chunk.length, largestHead));
    const end = /\r?\n\r?\n/.exec(text);
    if (end) {
      this.#parseHead(text.slice(0, end.index).replaceAll(/\r?\n/g, '\r\n'));
      return end.index + end[0].length;
    }
    if (chunk.length > largestHead) throw new BadResponse('the head of the response is too large');
    return -1;
  }

  #parseHead(text: string): void {
    const lineLength = text.indexOf('\r\n');
    const line = lineLength < 0 ? text : text.slice(0, lineLength);
    const match = /^HTTP\/1\.([01]) (\d{3})(?: (.*))?$/.exec(line);
    if (!match) throw new BadResponse('the endpoint does not speak HTTP/1.1');
    const status = Number(match[2]);
    const fields = new Fields();
    if (lineLength >= 0) fields.read(text, lineLength + 2);
    if (status < 200) {
      if (status !== 101) return;
      if (!this.#upgrade) throw new BadResponse('the endpoint switched protocols unasked');
      this.#state = 'upgraded';
      this.#reusable = false;
      this.#handler.onHead({ status, text: match[3] ?? '', headers: fields.list, length: 0 });
      return;
    }
    if (match[1] === '0' || fields.close) this.#reusable = false;
    const length = this.#frame(status, fields);
    this.#handler.onHead({ status, text: match[3] ?? '', headers: fields.list, length });
    if (this.#state === 'idle') this.#handler.onEnd([]);
  }

  /** RFC 9112 section 6.3: how long the body is. */
  #frame(status: number, fields: Fields): number {
    if (fields.coding !== undefined && fields.length !== undefined) throw new BadResponse('the response has both a length and a transfer coding');
    if (this.#method === 'HEAD' || status === 204 || status === 304) {
      this.#state = 'idle';
      return fields.length ?? -1;
    }
    if (fields.coding !== undefined) {
      if (fields.coding.toLowerCase() !== 'chunked') throw new BadResponse(`the transfer coding "${fields.coding}" is not understood`);
      this.#state = 'size';
      return -1;
    }
    if (fields.length === undefined) {
      this.#state = 'close';
      this.#reusable = false;
      return -1;
    }
    this.#left = fields.length;
    this.#state = fields.length === 0 ? 'idle' : 'length';
    return fields.length;
  }

  #readSize(chunk: Buffer): number {
    const end = chunk.indexOf(lineEnd);
    if (end < 0) {
      if (chunk.length > longestSizeLine) throw new BadResponse('the size of a chunk has no end');
      return -1;
    }
    const match = /^([0-9a-fA-F]{1,12})[ \t]*(?:;|$)/.exec(chunk.toString('latin1', 0, end));
    if (!match || end > longestSizeLine) throw new BadResponse('a chunk has no size');
    this.#left = Number.parseInt(match[1] as string, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'chunk';
    return end + lineEnd.length;
  }

  #readTrailers(chunk: Buffer): number {
    if (chunk.length < 2) return -1;
    if (chunk[0] === 13 && chunk[1] === 10) {
      this.#end([]);
      return 2;
    }
    const end = chunk.indexOf(headEnd);
    if (end < 0 || end > largestHead) {
      if (chunk.length > largestHead) throw new BadResponse('the trailers of the response are too large');
      return -1;
    }
    const fields = new Fields();
    fields.read(chunk.toString('latin1', 0, end), 0);
    this.#end(fields.list);
    return end + headEnd.length;
  }

  #end(trailers: string[]): void {
    this.#state = 'idle';
    this.#handler.onEnd(trailers);
  }
}

/** The fields of a head, sorted into what goes on and what is said to this hop. */
class Fields {
  list: string[] = [];
  close = false;
  length: number | undefined;
  coding: string | undefined;

  read(text: string, from: number): void {
    let named: string[] | undefined;
    for (let at = from; at < text.length; ) {
      const found = text.indexOf('\r\n', at);
      const end = found < 0 ? text.length : found;
      const colon = text.indexOf(':', at);
      // Without a colon, or with one behind a folded line or a space, it is no field.
      if (colon <= at || colon >= end || text.charCodeAt(colon - 1) <= 32 || text.charCodeAt(at) <= 32) throw new BadResponse('a field of the response is malformed');
      const name = text.slice(at, colon);
      const value = text.slice(colon + 1, end).trim();
      at = end + 2;
      const lower = name.toLowerCase();
      if (lower === 'content-length') this.#setLength(value);
      if (hopByHop.has(lower)) {
        if (lower === 'transfer-encoding') this.coding = this.coding === undefined ? value : `${this.coding}, ${value}`;
        else if (lower === 'connection') named = [...(named ?? []), ...this.#connection(value)];
        continue;
      }
      this.list.push(name, value);
    }
    if (named && named.length > 0) this.#drop(named);
  }

  #setLength(value: string): void {
    const length = Number(value);
    if (!/^\d{1,15}$/.test(value) || (this.length !== undefined && this.length !== length)) throw new BadResponse('the length of the response is not one number');
    this.length = length;
  }

  /** Fields that `Connection` declares to be for this hop only. */
  #connection(value: string): string[] {
    const options = value.toLowerCase().split(',').map((one) => one.trim());
    if (options.includes('close')) this.close = true;
    return options.filter((one) => one !== 'close' && one !== 'keep-alive' && one !== 'upgrade' && one !== 'content-length' && one !== '');
  }

  #drop(names: readonly string[]): void {
    const kept: string[] = [];
    for (let at = 0; at < this.list.length; at += 2) {
      if (!names.includes((this.list[at] as string).toLowerCase())) kept.push(this.list[at] as string, this.list[at + 1] as string);
    }
    this.list = kept;
  }
}
