/** Times as AWS signatures write them: ISO 8601 basic format, UTC, seconds (`20150830T123600Z`). */

/** @returns milliseconds since the epoch; undefined when the text is not such a time */
export function parseTimestamp(text: string): number | undefined {
  const parts = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (parts === null) return undefined;
  const ms = Date.UTC(+parts[1], +parts[2] - 1, +parts[3], +parts[4], +parts[5], +parts[6]);
  // Date.UTC rolls the 31st of a short month over to the next one.
  return formatTimestamp(ms) === text ? ms : undefined;
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
