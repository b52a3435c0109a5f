/** The values of conditions that are no plain text: numbers, dates, addresses, bytes. */
import { isIPv4, isIPv6 } from "node:net";

/** @returns undefined for what is no integer or decimal */
export function parseNumber(text: string): number | undefined {
  return /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$/.test(text) ? Number(text) : undefined;
}

const isoDate =
  /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?)?)?$/i;

/**
 * @param text one of the W3C's forms of ISO 8601, or seconds since the epoch
 * @returns ms since the epoch; undefined for anything else
 * Source: W3C, "Date and Time Formats", NOTE-datetime.
 */
export function parseDate(text: string): number | undefined {
  if (/^-?\d{1,15}(?:\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  const match = isoDate.exec(text);
  if (match === null) return undefined;
  const [, year, month = "01", day = "01", hour = "00", minute = "00", second = "00", fraction = "0", zone = "Z"] =
    match;
  const midnight = Date.UTC(Number(year), Number(month) - 1, Number(day));
  // Date.UTC takes the 31st of June for the 1st of July.
  if (new Date(midnight).getUTCDate() !== Number(day) || Number(month) > 12) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(`${second}.${fraction}`);
  return midnight + (seconds - zoneSeconds(zone)) * 1000;
}

function zoneSeconds(zone: string): number {
  if (zone.toUpperCase() === "Z") return 0;
  const digits = zone.slice(1).replace(":", "").padEnd(4, "0");
  const seconds = Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2)) * 60;
  return zone.startsWith("-") ? -seconds : seconds;
}

/** One 32-bit word for IPv4, four for IPv6; IPv4 addresses written as IPv6 (`::ffff:192.0.2.1`) are IPv4. */
export type Address = readonly number[];

/** Addresses that agree in their leading bits. */
export interface AddressRange {
  readonly words: Address;
  /** The bits of each word that count. */
  readonly masks: readonly number[];
}

/** @returns undefined for what is no address */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return [ipv4Word(text)];
  // A zone (`fe80::1%eth0`) says on which network an address is, not which address it is.
  const bare = text.split("%", 1)[0];
  if (!isIPv6(bare)) return undefined;
  const words = ipv6Words(bare);
  const isMapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return isMapped ? [words[3]] : words;
}

/** @param text an address or CIDR block; the whole address counts where no prefix is given */
export function parseRange(text: string): AddressRange | undefined {
  const slash = text.indexOf("/");
  const words = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (words === undefined) return undefined;
  const bits = words.length * 32;
  if (slash !== -1 && !/^[0-9]{1,3}$/.test(text.slice(slash + 1))) return undefined;
  // The prefix of a mapped address counts its 96 leading bits, too.
  const leading = bits === 32 && text.includes(":") ? 96 : 0;
  const prefix = slash === -1 ? bits : Number(text.slice(slash + 1)) - leading;
  if (prefix < 0 || prefix > bits) return undefined;
  return { words, masks: words.map((_, index) => leadingBits(Math.min(32, Math.max(0, prefix - index * 32)))) };
}

export function isInRange(address: Address, { words, masks }: AddressRange): boolean {
  if (address.length !== words.length) return false;
  for (let index = 0; index < words.length; index += 1) {
    if (((words[index] ^ address[index]) & masks[index]) !== 0) return false;
  }
  return true;
}

/** A word whose first `count` bits are set; shifts count modulo 32. */
function leadingBits(count: number): number {
  return count === 0 ? 0 : -1 << (32 - count);
}

function ipv4Word(text: string): number {
  return text.split(".").reduce((word, octet) => word * 256 + Number(octet), 0);
}

/** @param text a valid address */
function ipv6Words(text: string): number[] {
  const [head, tail] = text.split("::");
  const first = ipv6Groups(head);
  const last = tail === undefined ? [] : ipv6Groups(tail);
  const zeros = Array.from<number>({ length: 8 - first.length - last.length }).fill(0);
  const groups = [...first, ...zeros, ...last];
  return [0, 2, 4, 6].map((at) => groups[at] * 0x1_0000 + groups[at + 1]);
}

/** 16 bits each; the last two may be written as an IPv4 address. */
function ipv6Groups(part: string): number[] {
  if (part === "") return [];
  return part.split(":").flatMap((group) => {
    if (!group.includes(".")) return [Number.parseInt(group, 16)];
    const word = ipv4Word(group);
    return [Math.floor(word / 0x1_0000), word % 0x1_0000];
  });
}

/** @returns the bytes of a Base64 text in one canonical form, to be compared; undefined when it is none */
export function parseBinary(text: string): string | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const bare = text.split("=", 1)[0];
  return bare.length % 4 === 1 ? undefined : Buffer.from(bare, "base64").toString("base64");
}
