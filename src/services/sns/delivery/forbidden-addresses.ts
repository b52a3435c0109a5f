/**
 * Addresses that no webhook may name. Endpoints are users' own and mostly on this machine, so loopback and private
 * networks are allowed; link-local addresses and the other places where clouds answer with credentials are not.
 */
import { BlockList, isIPv4 } from "node:net";

const forbidden = new BlockList();
forbidden.addSubnet("169.254.0.0", 16, "ipv4");
forbidden.addSubnet("fe80::", 10, "ipv6");
// The same addresses behind a translation of IPv4 into IPv6 (RFC 6052).
forbidden.addSubnet("64:ff9b::a9fe:0", 112, "ipv6");
// Metadata services outside the link-local range: EC2 over IPv6, Azure, Alibaba Cloud.
forbidden.addSubnet("fd00:ec2::", 32, "ipv6");
forbidden.addAddress("168.63.129.16", "ipv4");
forbidden.addAddress("100.100.100.200", "ipv4");

/** @param address an IP address, as a lookup or a socket gives it */
export function isForbiddenAddress(address: string): boolean {
  const plain = address.replace(/%.*$/, "");
  return forbidden.check(plain, isIPv4(plain) ? "ipv4" : "ipv6");
}
