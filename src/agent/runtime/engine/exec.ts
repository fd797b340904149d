/** Commands in a running container, through the engine. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecSession } from '../runtime.ts';
import type { EngineClient } from './engine-client.ts';
import { engineSession } from './session.ts';

/** By this variable the processes of a command are found again, should its client go away: the engine has no call that ends one. */
export const execVariable = 'SLIPWAY_EXEC';

export interface ExecOptions {
  tty: boolean;
  stdin: boolean;
  user?: string;
  /** Ends every process in the container that carries the mark. */
  end?(mark: string): void;
}

/** How long the engine may take to notice the end of a command whose output has ended. */
const noticeMs = 5000;

export async function engineExec(engine: EngineClient, containerId: string, argv: readonly string[], { tty, stdin, user, end }: ExecOptions): Promise<ExecSession> {
  const mark = randomBytes(12).toString('hex');
  const { Id: id } = await engine.call<{ Id: string }>('POST', `/containers/${containerId}/exec`, {
    body: { AttachStdin: stdin, AttachStdout: true, AttachStderr: true, Tty: tty, Cmd: argv, Env: [...(end ? [`${execVariable}=${mark}`] : []), ...(tty ? ['TERM=xterm'] : [])], ...(user !== undefined && { User: user }) },
  });
  const connection = await engine.hijack(`/exec/${id}/start`, { body: { Detach: false, Tty: tty } });
  let size: { w: number; h: number } | undefined;
  let sizing = false;
  const applySize = async () => {
    if (sizing) return;
    sizing = true;
    // The terminal may be there a little later than the connection.
    for (let attempt = 0; attempt < 20 && size; attempt += 1) {
      const wanted = size;
      const done = await engine.call('POST', `/exec/${id}/resize`, { query: wanted }).then(() => true, () => false);
      if (done && size === wanted) size = undefined;
      else if (!done) await sleep(50);
    }
    sizing = false;
  };
  return engineSession({
    connection, tty, stdin,
    exit: () => exitOf(engine, id),
    resize: (width, height) => {
      if (!tty || width < 1 || height < 1) return;
      size = { w: width, h: height };
      void applySize();
    },
    kill: () => {
      end?.(mark);
      if (!end) connection.destroy();
    },
  });
}

async function exitOf(engine: EngineClient, id: string): Promise<{ code: number } | { error: string }> {
  for (let waited = 0, pause = 5; waited < noticeMs; waited += pause, pause = Math.min(pause * 2, 200)) {
    const state = await engine.call<{ Running: boolean; ExitCode: number | null }>('GET', `/exec/${id}/json`).catch((error: Error) => error);
    if (state instanceof Error) return { error: state.message };
    if (!state.Running && state.ExitCode !== null) return { code: state.ExitCode };
    await sleep(pause);
  }
  return { error: 'the container engine does not tell how the command ended' };
}
