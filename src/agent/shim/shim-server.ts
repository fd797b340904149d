/** The shims of several containers in one process: what a Node process needs by itself is many times what one container adds. */
import type { Readable, Writable } from 'node:stream';
import type { ShimNews } from '../../protocol/shim.ts';
import { Shim } from './shim.ts';

/** `done` is called once the agent has gone (end of input) and no container is left. The agent's own end changes nothing for those that run. */
export function serveShims(input: Readable, output: Writable, done: () => void): void {
  let serving = 0;
  let over = false;
  let text = '';
  // Nobody may read it any more.
  output.on('error', () => undefined);
  const tell = (news: ShimNews) => void output.write(`${JSON.stringify(news)}\n`);
  const end = () => {
    if (over && serving === 0) done();
  };
  const serve = (directory: string) => {
    serving += 1;
    const ended = (problem?: string) => {
      serving -= 1;
      tell({ directory, state: 'ended', ...(problem !== undefined && { problem }) });
      end();
    };
    try {
      new Shim(directory, () => tell({ directory, state: 'ready' }), () => ended());
    } catch (error) {
      ended((error as Error).message);
    }
  };
  input.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
      const directory = text.slice(0, at);
      text = text.slice(at + 1);
      serve(directory);
    }
  });
  input.on('error', () => undefined);
  input.once('close', () => {
    over = true;
    end();
  });
}
