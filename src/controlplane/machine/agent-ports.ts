/** Listening sockets handed to an agent, which serves them where pods can be reached. */
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:dgram';
import type { Server } from 'node:net';
import { toDisposable, type Disposable } from '../../base/disposable.ts';
import { Emitter } from '../../base/emitter.ts';
import type { PublishedPort, ToAgent } from '../../protocol/agent.ts';

export class AgentPorts {
  readonly #ready = new Emitter<void>();
  #child: ChildProcess | undefined;

  connected(child: ChildProcess): void {
    this.#child = child;
    this.#ready.fire();
  }

  disconnected(child: ChildProcess): void {
    if (this.#child === child) this.#child = undefined;
  }

  onReady(listener: () => void): Disposable {
    const listening = this.#ready.on(listener);
    if (this.#child) listener();
    return toDisposable(() => void listening.dispose());
  }

  publish(port: PublishedPort, socket: Server | Socket): boolean {
    const child = this.#child;
    if (!child?.connected) return false;
    // Ours is closed when the agent has its own.
    child.send({ type: 'publish', port } satisfies ToAgent, socket, {}, () => socket.close());
    return true;
  }

  withdraw(key: string): void {
    if (this.#child?.connected) this.#child.send({ type: 'withdraw', key } satisfies ToAgent, () => undefined);
  }
}
