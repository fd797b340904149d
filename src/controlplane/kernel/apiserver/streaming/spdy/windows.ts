/** Initial size of every window (section 2.6.8). */
const initialWindow = 64 * 1024;
/** The peer is told of consumed bytes when they reach half of its window. */
export const updateEvery = initialWindow / 2;

/**
 * How much the peer lets us send. Kubernetes' own clients (spdystream) neither widen windows nor keep to them and would never receive more than 64 KiB,
 * so a window binds only from the moment the peer shows that it takes part in flow control, by SETTINGS or WINDOW_UPDATE; what was sent before counts.
 */
export class SendWindow {
  /** Size that new streams of this connection start with. */
  siblingSize = initialWindow;
  #size = initialWindow;
  #left = initialWindow;
  #engaged = false;
  #waiting: { bytes: number; go: (granted: number) => void }[] = [];

  /** A stream's window beside the connection's. */
  sibling(): SendWindow {
    const window = new SendWindow();
    window.#engaged = this.#engaged;
    window.#size = window.#left = this.siblingSize;
    return window;
  }

  /** Calls `go` once the window has room, with how many of the bytes may go: at least one. What the caller does not use it gives back by `widen`. */
  take(bytes: number, go: (granted: number) => void): void {
    if (!this.#engaged) {
      this.#left -= bytes;
      return go(bytes);
    }
    this.#waiting.push({ bytes, go });
    this.#release();
  }

  engage(): void {
    this.#engaged = true;
  }

  widen(by: number): void {
    this.#left += by;
    this.#release();
  }

  resize(size: number): void {
    this.#engaged = true;
    this.#left += size - this.#size;
    this.#size = size;
    this.#release();
  }

  #release(): void {
    while (this.#left > 0) {
      const next = this.#waiting.shift();
      if (!next) return;
      const granted = Math.min(next.bytes, this.#left);
      this.#left -= granted;
      next.go(granted);
    }
  }
}
