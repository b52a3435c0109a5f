/**
 * A set of blob ids in 16 bytes or less per id, so that the sweep can hold those of millions of objects.
 *
 * It keeps 48 of an id's 112 random bits. With a million ids, one blob in 280 million that is not in the set seems to
 * be; the sweep leaves such a blob to the next one. What is in the set is never missed.
 */

/** Hexadecimal digits at the end of an id: those at its beginning are shared by a thousand blobs. */
const keptDigits = 12;

export class BlobIdSet {
  /** Open addressing; 0 is an empty place. */
  #places = new Float64Array(1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(id: string): void {
    if (2 * (this.#size + 1) > this.#places.length) this.#grow();
    if (insert(this.#places, shortened(id))) this.#size += 1;
  }

  has(id: string): boolean {
    const value = shortened(id);
    return this.#places[placeOf(this.#places, value)] === value;
  }

  #grow(): void {
    const larger = new Float64Array(2 * this.#places.length);
    for (const value of this.#places) if (value !== 0) insert(larger, value);
    this.#places = larger;
  }
}

function shortened(id: string): number {
  return parseInt(id.slice(-keptDigits), 16) || 1;
}

/** Where a value is, or where it would be put. Ids are random, so their own bits spread them. */
function placeOf(places: Float64Array, value: number): number {
  let place = value % places.length;
  while (places[place] !== 0 && places[place] !== value) place = (place + 1) % places.length;
  return place;
}

function insert(places: Float64Array, value: number): boolean {
  const place = placeOf(places, value);
  if (places[place] === value) return false;
  places[place] = value;
  return true;
}
