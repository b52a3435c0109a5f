import { expect, test } from "vitest";
import { isInRange, parseAddress, parseBinary, parseDate, parseNumber, parseRange } from "./condition-values.ts";

test.each([
  ["2020-01-01T00:00:01Z", Date.UTC(2020, 0, 1, 0, 0, 1)],
  ["2020-01-01T00:00:01.25Z", Date.UTC(2020, 0, 1, 0, 0, 1, 250)],
  ["2020-06-30T23:59:59+02:00", Date.UTC(2020, 5, 30, 21, 59, 59)],
  ["2016-12-13T21:20:37.593194+00:00", Date.UTC(2016, 11, 13, 21, 20, 37) + 593.194],
  ["2020-06-30T10:00-0530", Date.UTC(2020, 5, 30, 15, 30)],
  ["2020-06", Date.UTC(2020, 5, 1)],
  ["2020-02-29", Date.UTC(2020, 1, 29)],
  ["1577836801", 1_577_836_801_000],
  ["2020", 2_020_000],
])("%s is the moment %i", (text, expected) => {
  expect(parseDate(text)).toBeCloseTo(expected, 6);
});

test.each([
  "2021-02-29",
  "2020-13-01",
  "2020-06-31",
  "2020-06-30T24:00Z",
  "2020-1-1",
  "tomorrow",
  "",
  "2020-01-01 00:00",
])("%j is no date", (text) => {
  expect(parseDate(text)).toBeUndefined();
});

test("numbers are integers and decimals", () => {
  expect(["10", "-2.5", "1e3", "+4", ".5"].map(parseNumber)).toEqual([10, -2.5, 1000, 4, 0.5]);
  expect(["", "ten", "0x10", "1 0", "NaN", "Infinity", "1e9999"].map(parseNumber)).toEqual(Array(7).fill(undefined));
});

test.each([
  ["203.0.113.9", "203.0.113.0/24", true],
  ["203.0.114.9", "203.0.113.0/24", false],
  ["203.0.113.9", "203.0.113.9", true],
  ["203.0.113.8", "203.0.113.9", false],
  ["255.255.255.255", "128.0.0.0/1", true],
  ["127.255.255.255", "128.0.0.0/1", false],
  ["198.51.100.7", "0.0.0.0/0", true],
  ["203.0.113.130", "203.0.113.128/25", true],
  ["203.0.113.127", "203.0.113.128/25", false],
  // The range is written with an address in it, not with its first one.
  ["203.0.113.1", "203.0.113.77/24", true],
  ["2001:DB8:1234:5678:9abc::1", "2001:db8:1234:5678::/64", true],
  ["2001:db8:1234:5679::1", "2001:DB8:1234:5678::/64", false],
  ["2001:db8:1234:567f::", "2001:db8:1234:5670::/60", true],
  ["::1", "::1/128", true],
  ["::1", "::2/128", false],
  ["::1", "::/0", true],
  ["fe80::1%eth0", "fe80::/10", true],
  ["::ffff:203.0.113.9", "203.0.113.0/24", true],
  ["203.0.113.9", "::ffff:203.0.113.0/120", true],
  ["203.0.113.9", "::/0", false],
  ["::1", "0.0.0.0/0", false],
])("%s lies in %s: %s", (address, range, expected) => {
  expect(isInRange(parseAddress(address)!, parseRange(range)!)).toBe(expected);
});

test.each([
  "203.0.113",
  "203.0.113.0/33",
  "2001:db8::/129",
  "203.0.113.0/-1",
  "203.0.113.0/a",
  "::ffff:1.2.3.4/95",
  "",
  "x/8",
  "1.2.3.4/",
])("%j is no range", (text) => {
  expect(parseRange(text)).toBeUndefined();
});

test("bytes are compared, not their spelling in Base64", () => {
  expect(parseBinary("QmluYXJ5VmFsdWVJbkJhc2U2NA==")).toBe(parseBinary("QmluYXJ5VmFsdWVJbkJhc2U2NA"));
  expect(["Q", "Q$==", "====", "=Qm"].map(parseBinary)).toEqual([undefined, undefined, undefined, undefined]);
});
