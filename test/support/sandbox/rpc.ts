/** Calls between test and program as JSON lines: `{id, method, args}` in, `{id, result}` or `{id, error, reason}` out. */
import type { Readable, Writable } from 'node:stream';

export type Methods = Record<string, (...args: never[]) => unknown>;

export function serve(methods: Methods, input: Readable, output: Writable): void {
  eachLine(input, (line) => {
    const { id, method, args } = JSON.parse(line) as { id: number; method: string; args: never[] };
    void (async () => {
      try {
        const found = methods[method];
        if (!found) throw new Error(`no method ${method}`);
        output.write(`${JSON.stringify({ id, result: (await found(...args)) ?? null })}\n`);
      } catch (error) {
        const { message, reason, stack } = error as Error & { reason?: string };
        output.write(`${JSON.stringify({ id, error: message, reason, stack })}\n`);
      }
    })();
  });
}

export class RemoteError extends Error {
  readonly reason: string | undefined;
  constructor(message: string, reason: string | undefined) {
    super(message);
    this.reason = reason;
  }
}

export class Remote {
  readonly #output: Writable;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #next = 1;

  constructor(input: Readable, output: Writable) {
    this.#output = output;
    output.on('error', () => undefined);
    eachLine(input, (line) => {
      if (!line.startsWith('{"id"')) return;
      const { id, result, error, reason } = JSON.parse(line) as { id: number; result?: unknown; error?: string; reason?: string };
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error !== undefined) waiting?.reject(new RemoteError(error, reason));
      else waiting?.resolve(result);
    });
    input.once('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the program ended'));
      this.#waiting.clear();
    });
  }

  call<T>(method: string, ...args: unknown[]): Promise<T> {
    const id = this.#next++;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#output.write(`${JSON.stringify({ id, method, args })}\n`);
    });
  }
}

function eachLine(input: Readable, each: (line: string) => void): void {
  let text = '';
  input.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
      const line = text.slice(0, at);
      text = text.slice(at + 1);
      each(line);
    }
  });
}
