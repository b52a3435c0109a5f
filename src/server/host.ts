/** What a Host header says: whether it is this machine, and which bucket a virtual-host name carries. */
import { bucketOfApiHost } from "../services/s3/host-names.ts";

/** Without the port; brackets of an IPv6 address stay off. */
export function hostName(host: string): string {
  const bracket = /^\[([^\]]+)\]/.exec(host);
  if (bracket) return bracket[1].toLowerCase();
  return host.replace(/:\d+$/, "").toLowerCase();
}

/** Names that only this machine can mean: what a page from elsewhere reaches through DNS rebinding is not one of them. */
export function isLoopbackHost(host: string): boolean {
  const name = hostName(host);
  return name === "localhost" || name.endsWith(".localhost") || name === "::1" || /^127(\.\d{1,3}){3}$/.test(name);
}

/**
 * The bucket of a virtual-host request: `bucket.s3.us-east-1.amazonaws.com`, `bucket.s3.localhost`, `bucket.localhost`.
 * undefined for a path-style host and for a website's, whose paths are no keys.
 */
export function bucketOfHost(host: string): string | undefined {
  return bucketOfApiHost(hostName(host));
}
