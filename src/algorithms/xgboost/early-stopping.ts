import type { Metric } from "./metrics.ts";

/** Remembers the best round and says when waiting for a better one has taken too long. */
export class EarlyStopping {
  readonly #direction: Metric["direction"];
  readonly #patience: number;
  #bestRound = 0;
  #bestScore: number | undefined;
  #roundsSince = 0;

  /** @param patience rounds without improvement that are waited for, >= 1 */
  constructor(direction: Metric["direction"], patience: number) {
    this.#direction = direction;
    this.#patience = patience;
  }

  get bestRound(): number {
    return this.#bestRound;
  }

  /** NaN before the first round. */
  get bestScore(): number {
    return this.#bestScore ?? NaN;
  }

  /** Takes the score of the next round; true when training should stop. Only a strictly better score counts. */
  shouldStop(round: number, score: number): boolean {
    const best = this.#bestScore;
    if (best === undefined || (this.#direction === "maximize" ? score > best : score < best)) {
      this.#bestRound = round;
      this.#bestScore = score;
      this.#roundsSince = 0;
      return false;
    }
    this.#roundsSince += 1;
    return this.#roundsSince >= this.#patience;
  }
}
