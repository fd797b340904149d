/** The router's ports: chosen once and held by this process, whichever program serves them. */
import type { DataPlaneOptions, RouterPorts } from './data-plane.ts';
import { bindSocket, canHandOver, freePort, PortTaken, type BoundSocket } from './listeners.ts';

const preferred: RouterPorts = { http: 8_080, https: 8_443 };

export class RouterSockets {
  readonly host: string;
  readonly #options: Pick<DataPlaneOptions, 'host' | 'http' | 'https'>;
  #ports: RouterPorts = preferred;
  #sockets: { http: BoundSocket; https: BoundSocket } | undefined;

  constructor(options: Pick<DataPlaneOptions, 'host' | 'http' | 'https'>) {
    this.#options = options;
    this.host = options.host ?? '127.0.0.1';
  }

  get ports(): RouterPorts {
    return this.#ports;
  }

  /** What a program inherits: descriptors of the plain and the TLS listener. Undefined where sockets cannot be handed over; it binds `ports` itself then. */
  get descriptors(): readonly [number, number] | undefined {
    return this.#sockets && [this.#sockets.http.descriptor, this.#sockets.https.descriptor];
  }

  /** Throws `PortTaken` for a port that was asked for. */
  async choose(): Promise<void> {
    const { http, https } = this.#options;
    const first = await freePort(this.host, http ?? preferred.http, http !== undefined);
    const second = await freePort(this.host, https ?? preferred.https, https !== undefined, new Set([first]));
    this.#ports = { http: first, https: second };
    if (!canHandOver) return;
    await this.release();
    this.#sockets = { http: bindSocket(this.host, first), https: bindSocket(this.host, second) };
  }

  /** Somebody else took the port of `listener` meanwhile: others are chosen, unless it was asked for. */
  async chooseAnew(listener: keyof RouterPorts): Promise<void> {
    if (this.#options[listener] !== undefined) throw new PortTaken(this.#ports[listener], this.host);
    await this.choose();
  }

  async release(): Promise<void> {
    await this.#sockets?.http.dispose();
    await this.#sockets?.https.dispose();
    this.#sockets = undefined;
  }
}
