/** The stretch of an axis that is shown. Charts that share an axis share one. */
export class View {
  readonly first: number;
  readonly last: number;
  /** No less is shown than so much. */
  readonly #least: number;
  readonly #listeners: (() => void)[] = [];
  from: number;
  to: number;

  constructor(first: number, last: number, least: number) {
    this.first = this.from = first;
    this.last = this.to = last;
    this.#least = Math.min(least, last - first);
  }

  get length(): number {
    return this.to - this.from;
  }

  get isWhole(): boolean {
    return this.from === this.first && this.to === this.last;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Shows what lies between two places, or the nearest to it that there is. */
  show(from: number, to: number): void {
    const whole = this.last - this.first;
    const length = Math.min(whole, Math.max(this.#least, to - from));
    const start = (from + to - length) / 2;
    this.from = Math.max(this.first, Math.min(this.last - length, start));
    this.to = length === whole ? this.last : this.from + length;
    for (const listener of this.#listeners) listener();
  }

  /** A factor of 2 shows half as much; what is at `around` stays where it is. */
  zoom(factor: number, around = (this.from + this.to) / 2): void {
    const length = Math.min(this.last - this.first, Math.max(this.#least, this.length / factor));
    const from = around - ((around - this.from) / this.length) * length;
    this.show(from, from + length);
  }

  /** By a share of what is shown: to the right where it is positive. */
  move(share: number): void {
    const by = share * this.length;
    this.show(this.from + by, this.to + by);
  }

  showAll(): void {
    this.show(this.first, this.last);
  }
}
