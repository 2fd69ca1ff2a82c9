/** Delays answers by one constant time, with one timer for all: answers leave in order. */
export class Latency {
  /** Mean time by which answers left late, in ms. */
  get meanLateMs(): number {
    return this.#sent === 0 ? 0 : this.#late / this.#sent;
  }
  #ms = 0;
  #queue: { readonly due: number; readonly send: () => void }[] = [];
  #head = 0;
  #sent = 0;
  #late = 0;

  /** Only while nothing waits. */
  set(ms: number): void {
    this.#ms = ms;
    this.#sent = 0;
    this.#late = 0;
  }

  send(send: () => void): void {
    if (this.#ms === 0) {
      send();
      return;
    }
    this.#queue.push({ due: performance.now() + this.#ms, send });
    if (this.#queue.length === 1) this.#arm();
  }

  #arm(): void {
    const due = this.#queue[this.#head]?.due ?? 0;
    setTimeout(() => this.#flush(), Math.max(1, Math.floor(due - performance.now())));
  }

  /** Timers are true to a millisecond: what is due within half a one leaves, too. */
  #flush(): void {
    for (;;) {
      const next = this.#queue[this.#head];
      const now = performance.now();
      if (!next || next.due > now + 0.5) break;
      this.#head++;
      this.#sent++;
      this.#late += now - next.due;
      next.send();
    }
    if (this.#head < this.#queue.length) {
      this.#arm();
      return;
    }
    this.#queue = [];
    this.#head = 0;
  }
}
