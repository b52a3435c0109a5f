/** Times rounded to periods, in UTC: `bin(5m)`, `datefloor(@timestamp, 1mo)`. */
import type { Period } from "./syntax.ts";

const second = 1000;
const fixed: Readonly<Partial<Record<Period["unit"], number>>> = {
  ms: 1,
  s: second,
  m: 60 * second,
  h: 3600 * second,
  d: 24 * 3600 * second,
  w: 7 * 24 * 3600 * second,
};
const monthsOf: Readonly<Partial<Record<Period["unit"], number>>> = { mo: 1, q: 3, y: 12 };
/** 1970-01-01 was a Thursday; weeks begin on Monday. */
const firstMonday = 4 * 24 * 3600 * second;

/** The beginning of the period that a time (ms since the epoch) lies in. */
export function floorTo(ms: number, { count, unit }: Period): number {
  const length = fixed[unit];
  if (length !== undefined) {
    const start = unit === "w" ? firstMonday : 0;
    return Math.floor((ms - start) / (length * count)) * length * count + start;
  }
  const step = monthsOf[unit]! * count;
  const date = new Date(ms);
  const months = (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
  return monthStart(Math.floor(months / step) * step);
}

/** The beginning of the next period, or the time itself where one begins. */
export function ceilTo(ms: number, period: Period): number {
  const floor = floorTo(ms, period);
  if (floor === ms) return ms;
  const length = fixed[period.unit];
  if (length !== undefined) return floor + length * period.count;
  const date = new Date(floor);
  const months = (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
  return monthStart(months + monthsOf[period.unit]! * period.count);
}

function monthStart(monthsSince1970: number): number {
  return Date.UTC(1970 + Math.floor(monthsSince1970 / 12), ((monthsSince1970 % 12) + 12) % 12);
}
