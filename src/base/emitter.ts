import { toDisposable, type Disposable } from './disposable.ts';

/** One event with any number of listeners, called in order of registration. */
export class Emitter<T> {
  #listeners = new Set<(value: T) => void>();

  get size(): number {
    return this.#listeners.size;
  }

  on(listener: (value: T) => void): Disposable {
    const own = (value: T) => listener(value);
    this.#listeners.add(own);
    return toDisposable(() => void this.#listeners.delete(own));
  }

  fire(value: T): void {
    for (const listener of [...this.#listeners]) listener(value);
  }
}
