/** Something that holds a resource until it is disposed. `dispose` may be called more than once. */
export interface Disposable {
  dispose(): void | Promise<void>;
}

export function toDisposable(dispose: () => void | Promise<void>): Disposable {
  let done = false;
  return {
    dispose() {
      if (done) return;
      done = true;
      return dispose();
    },
  };
}

/** Owns disposables and ends them in reverse order of their start, waiting for each. */
export class Scope implements Disposable {
  #items: Disposable[] = [];
  #closed = false;

  get disposed(): boolean {
    return this.#closed;
  }

  /** Takes ownership of `item`; an item added to an ended scope is ended at once. */
  own<T extends Disposable>(item: T): T {
    if (this.#closed) void item.dispose();
    else this.#items.push(item);
    return item;
  }

  defer(dispose: () => void | Promise<void>): void {
    this.own(toDisposable(dispose));
  }

  /** Ends everything even if one item fails; the first failure is thrown afterwards. */
  async dispose(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    let failure: { error: unknown } | undefined;
    for (const item of this.#items.splice(0).reverse()) {
      try {
        await item.dispose();
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure) throw failure.error;
  }
}
