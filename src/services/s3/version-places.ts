/**
 * Version ids: opaque to clients, 32 characters that need no encoding in a URL. They begin with the time counted
 * backwards, so that the versions of a key, ordered by their ids, have the newest first.
 */
import { randomBytes } from "node:crypto";

/** Versions in one millisecond before the ids run ahead of the clock. */
const perMillisecond = 1024;
const timeDigits = 14;
const pattern = /^[0-9a-f]{14}[\w-]{18}$/;

export class VersionPlaces {
  #last = 0;

  /**
   * A place before all that this gave before and before `newest`, whatever became of the clock.
   * @param nowMs ms since the epoch
   */
  next(nowMs: number, newest?: string): string {
    const after = newest === undefined ? 0 : Number.MAX_SAFE_INTEGER - parseInt(newest.slice(0, timeDigits), 16);
    this.#last = Math.max(nowMs * perMillisecond, this.#last + 1, after + 1);
    const time = (Number.MAX_SAFE_INTEGER - this.#last).toString(16).padStart(timeDigits, "0");
    return time + randomBytes(13).toString("base64url");
  }
}

/** Whether a version of that id could be somewhere. */
export function isVersionId(text: string): boolean {
  return text === "null" || pattern.test(text);
}
