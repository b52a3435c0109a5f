/** Times as AWS signatures write them: ISO 8601 basic format, UTC, seconds (`20150830T123600Z`). */

/** @returns milliseconds since the epoch; undefined when the text is not such a time */
export function parseTimestamp(text: string): number | undefined {
  const parts = /^(\d{4})(0[1-9]|1[0-2])(\d{2})T([01]\d|2[0-3])([0-5]\d)([0-5]\d)Z$/.exec(text);
  if (parts === null) return undefined;
  const day = +parts[3];
  const ms = Date.UTC(+parts[1], +parts[2] - 1, day, +parts[4], +parts[5], +parts[6]);
  // Date.UTC rolls the 31st of a short month over to the next one.
  return new Date(ms).getUTCDate() === day ? ms : undefined;
}

/** @param ms milliseconds since the epoch; fractions of a second are dropped */
export function formatTimestamp(ms: number): string {
  const iso = new Date(ms).toISOString();
  return `${iso.slice(0, 4)}${iso.slice(5, 7)}${iso.slice(8, 10)}T${iso.slice(11, 13)}${iso.slice(14, 16)}${iso.slice(17, 19)}Z`;
}

/** `2015-08-30T12:36:00Z`, the form of times inside S3's error documents. */
export function formatServerTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
