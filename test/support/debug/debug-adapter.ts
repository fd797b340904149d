/** As much of the Debug Adapter Protocol as an editor speaks to hold a program at a breakpoint. */
import type { Duplex } from 'node:stream';

interface Message {
  type: 'request' | 'response' | 'event';
  seq: number;
  request_seq?: number;
  success?: boolean;
  message?: string;
  event?: string;
  command?: string;
  body?: Record<string, unknown>;
}

export class DebugAdapter {
  readonly #stream: Duplex;
  #read = Buffer.alloc(0);
  #number = 0;
  #messages: Message[] = [];
  #wake: () => void = () => undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('data', (bytes: Buffer) => this.#take(bytes)).on('error', () => undefined);
  }

  /** The body of the answer. `attach` is answered only after `configurationDone`: whoever asks waits for it later. */
  async ask(command: string, args: object = {}): Promise<Record<string, unknown>> {
    this.#number += 1;
    const number = this.#number;
    const body = JSON.stringify({ seq: number, type: 'request', command, arguments: args });
    this.#stream.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    const answer = await this.#find((one) => one.type === 'response' && one.request_seq === number);
    if (!answer.success) throw new Error(`${command}: ${answer.message}`);
    return answer.body ?? {};
  }

  async event(name: string): Promise<Record<string, unknown>> {
    return (await this.#find((one) => one.type === 'event' && one.event === name)).body ?? {};
  }

  close(): void {
    this.#stream.destroy();
  }

  async #find(fits: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const found = this.#messages.find(fits);
      if (found) return found;
      await new Promise<void>((resolve, reject) => {
        const before = this.#wake;
        this.#wake = () => (before(), resolve());
        this.#stream.once('close', () => reject(new Error('the debugger hung up')));
      });
    }
  }

  #take(bytes: Buffer): void {
    this.#read = Buffer.concat([this.#read, bytes]);
    for (;;) {
      const end = this.#read.indexOf('\r\n\r\n');
      const length = Number(/Content-Length: (\d+)/.exec(this.#read.subarray(0, Math.max(end, 0)).toString())?.[1] ?? -1);
      if (end < 0 || length < 0 || this.#read.length < end + 4 + length) break;
      this.#messages.push(JSON.parse(this.#read.subarray(end + 4, end + 4 + length).toString()) as Message);
      this.#read = this.#read.subarray(end + 4 + length);
    }
    const wake = this.#wake;
    this.#wake = () => undefined;
    wake();
  }
}
