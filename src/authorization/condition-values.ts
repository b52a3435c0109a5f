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

/** An address as a number; IPv4 addresses written as IPv6 (`::ffff:192.0.2.1`) are IPv4. */
export interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** Addresses that agree in the leading `prefix` bits. */
export interface AddressRange extends Address {
  readonly prefix: number;
}

const mappedIpv4 = 0xffffn;

/** @returns undefined for what is no address */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { bits: 32, value: ipv4Value(text) };
  // A zone (`fe80::1%eth0`) says on which network an address is, not which address it is.
  const bare = text.split("%", 1)[0];
  if (!isIPv6(bare)) return undefined;
  const value = ipv6Value(bare);
  return value >> 32n === mappedIpv4 ? { bits: 32, value: value & 0xffff_ffffn } : { bits: 128, value };
}

/** @param text an address or CIDR block; the whole address counts where no prefix is given */
export function parseRange(text: string): AddressRange | undefined {
  const slash = text.indexOf("/");
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  if (slash === -1) return { ...address, prefix: address.bits };
  const written = text.slice(slash + 1);
  if (!/^[0-9]{1,3}$/.test(written)) return undefined;
  // The prefix of a mapped address counts its 96 leading bits, too.
  const prefix = Number(written) - (address.bits === 32 && text.includes(":") ? 96 : 0);
  return prefix >= 0 && prefix <= address.bits ? { ...address, prefix } : undefined;
}

export function isInRange(address: Address, range: AddressRange): boolean {
  if (address.bits !== range.bits) return false;
  const host = BigInt(range.bits - range.prefix);
  return address.value >> host === range.value >> host;
}

function ipv4Value(text: string): bigint {
  return BigInt(text.split(".").reduce((value, octet) => value * 256 + Number(octet), 0));
}

/** @param text a valid address */
function ipv6Value(text: string): bigint {
  const groups = (part: string): bigint[] =>
    part === ""
      ? []
      : part.split(":").flatMap((group) => {
          if (!group.includes(".")) return [BigInt(`0x${group}`)];
          const value = ipv4Value(group);
          return [value >> 16n, value & 0xffffn];
        });
  const [head, tail] = text.split("::");
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  const zeros = Array.from<bigint>({ length: 8 - first.length - last.length }).fill(0n);
  return [...first, ...zeros, ...last].reduce((value, group) => (value << 16n) | group, 0n);
}

/** @returns the bytes of a Base64 text in one canonical form, to be compared; undefined when it is none */
export function parseBinary(text: string): string | undefined {
  const bare = text.replace(/=+$/, "");
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) && bare.length % 4 !== 1
    ? Buffer.from(bare, "base64").toString("base64")
    : undefined;
}
