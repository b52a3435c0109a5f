/** The three ways in which AWS writes an instant, all at millisecond precision. */
import type { ShapeModel, ShapeReference } from "../service-model.ts";
import { Malformed } from "./malformed.ts";

export type TimestampFormat = NonNullable<ShapeModel["timestampFormat"]>;

/** The reference's own format, else the shape's, else what the protocol does at this place. */
export function timestampFormat(
  reference: ShapeReference,
  shape: ShapeModel,
  byDefault: TimestampFormat,
): TimestampFormat {
  return reference.timestampFormat ?? shape.timestampFormat ?? byDefault;
}

/** Seconds since the epoch, with a fraction where there are milliseconds: 1422172800, 946845296.123. */
export function epochSeconds(date: Date): number {
  return validTime(date) / 1000;
}

/** `2015-01-25T08:00:00Z`, `2000-01-02T20:34:56.123Z` */
export function iso8601(date: Date): string {
  validTime(date);
  return date.toISOString().replace(".000Z", "Z");
}

/** The preferred HTTP date (RFC 9110, section 5.6.7): `Sun, 25 Jan 2015 08:00:00 GMT`. */
export function httpDate(date: Date): string {
  validTime(date);
  return date.toUTCString();
}

export const formatTimestamp: Readonly<Record<TimestampFormat, (date: Date) => string>> = {
  iso8601,
  rfc822: httpDate,
  unixTimestamp: (date) => String(epochSeconds(date)),
};

/** @param seconds since the epoch, fraction allowed; rounded to milliseconds */
export function dateOfEpoch(seconds: number): Date {
  return checked(new Date(Math.round(seconds * 1000)), seconds);
}

const isoPattern = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:?\d\d)$/;
// The two obsolete forms of RFC 9110 (RFC 850 and asctime) are accepted besides the preferred one, as HTTP asks.
const httpPattern =
  /^(?:[A-Z][a-z]{2,8}, )?\d{1,2}[ -][A-Z][a-z]{2}[ -]\d{2,4} \d\d:\d\d:\d\d(?:\.\d+)? (?:GMT|UTC|[+-]\d{4})$|^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/;
const numberPattern = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

export const parseTimestamp: Readonly<Record<TimestampFormat, (text: string) => Date>> = {
  iso8601(text) {
    if (!isoPattern.test(text))
      throw new Malformed(`"${shorten(text)}" is not a timestamp such as 2015-01-25T08:00:00Z`);
    return checked(new Date(text.replace(/([+-]\d\d)(\d\d)$/, "$1:$2").toUpperCase()), text);
  },
  rfc822(text) {
    if (!httpPattern.test(text))
      throw new Malformed(`"${shorten(text)}" is not a date such as Sun, 25 Jan 2015 08:00:00 GMT`);
    // asctime has no zone; HTTP says that it means GMT.
    return checked(new Date(/\d{4}$/.test(text) && !/[+-]\d{4}$/.test(text) ? `${text} GMT` : text), text);
  },
  unixTimestamp(text) {
    if (!numberPattern.test(text)) throw new Malformed(`"${shorten(text)}" is not a number of seconds since the epoch`);
    return dateOfEpoch(Number(text));
  },
};

/** A value as an error message may show it. */
export function shorten(text: string): string {
  return text.length <= 100 ? text : `${text.slice(0, 100)}…`;
}

function checked(date: Date, source: string | number): Date {
  if (Number.isNaN(date.getTime())) throw new Malformed(`"${shorten(String(source))}" is not a time that exists`);
  return date;
}

function validTime(date: Date): number {
  const time = date.getTime();
  if (Number.isNaN(time)) throw new TypeError("a response holds an invalid Date");
  return time;
}
