/** A map of at most `capacity` entries: a new one replaces the least recently set one. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #capacity: number;

  constructor(capacity: number) {
    super();
    this.#capacity = capacity;
  }

  override set(key: K, value: V): this {
    // Moves the entry to the end.
    this.delete(key);
    const [oldest] = this.keys();
    if (this.size >= this.#capacity && oldest !== undefined) this.delete(oldest);
    return super.set(key, value);
  }
}
